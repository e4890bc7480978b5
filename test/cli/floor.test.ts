import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { createCli } from '../support/run-cli.ts';

test('the floor is shown, raised, and never falls', async (t) => {
  const { run, directory } = await createCli(t);
  const show = ['floor', 'show', '--product', 'gateway'];
  const raise = ['floor', 'raise', '--product', 'gateway', '--counter'];
  t.regex((await run(...show)).stdout, /^gateway has no floor yet: every release is accepted\n$/);
  t.deepEqual(await run(...raise, '12'), {
    status: 0,
    stdout: 'gateway: releases from counter 12 up are accepted\n',
    stderr: '',
  });
  const lower = await run(...raise, '7');
  t.deepEqual([lower.status, lower.stdout], [0, 'gateway: the floor stays at 12, it never falls to 7\n']);
  const kept = join(directory, 'state', 'silt', 'floor');
  const document = JSON.parse((await run(...show, '--json')).stdout);
  t.deepEqual(document, { product: 'gateway', floor: 12, directory: kept });
  t.deepEqual(await readdir(kept), ['gateway.a', 'gateway.b']);
});

test('a damaged floor exits with 13, says what to do, and is set anew by raise', async (t) => {
  const { run, directory } = await createCli(t);
  const own = ['--product', 'gateway', '--state', 'mine'];
  t.is((await run('floor', 'raise', '--counter', '12', ...own)).status, 0);
  for (const name of ['gateway.a', 'gateway.b']) await writeFile(join(directory, 'mine', 'floor', name), '{');
  const shown = await run('floor', 'show', ...own);
  t.deepEqual([shown.status, shown.stdout], [13, '']);
  t.regex(shown.stderr, /^silt: [^\n]*silt floor raise --product gateway --counter N[^\n]*\n$/);
  const { error } = JSON.parse((await run('floor', 'show', ...own, '--json')).stderr);
  t.like(error, { code: 'FLOOR_DAMAGED', exit: 13, details: { product: 'gateway' } });
  t.is((await run('floor', 'raise', '--counter', '9', ...own)).status, 0);
  t.regex((await run('floor', 'show', ...own)).stdout, /from counter 9 up/);
});

test('a floor that is no counter, or of no product, is a usage error', async (t) => {
  const { run } = await createCli(t);
  for (const args of [
    ['raise', '--product', 'gateway'],
    ['raise', '--product', 'gateway', '--counter', '0'],
    ['raise', '--product', 'gateway', '--counter', '-1'],
    ['raise', '--product', '../gateway', '--counter', '1'],
    ['show'],
  ]) {
    const { status, stdout, stderr } = await run('floor', ...args);
    t.deepEqual([status, stdout], [2, ''], stderr);
  }
});
