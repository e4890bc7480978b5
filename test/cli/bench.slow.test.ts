import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { BenchResult } from '../../src/compare/result.ts';
import { type Cli, createCli, resultOf } from '../support/run-cli.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

const BYTES = 600_000;

/** A command line beside `old` and `new`, of which a tenth differs. */
async function withImages(t: ExecutionContext<unknown>): Promise<Cli> {
  const cli = await createCli(t);
  const old = seededBytes('image', BYTES);
  await writeFile(join(cli.directory, 'old'), old);
  const next = Buffer.from(old);
  next.set(seededBytes('news', BYTES / 10), BYTES / 2);
  await writeFile(join(cli.directory, 'new'), next);
  return cli;
}

test('silt bench counts what an update and a first install would cost', async (t) => {
  const cli = await withImages(t);
  const args = ['bench', 'old', 'new', '--peers', 'none', '--link', 'lan', '--install', '--json'];
  const { status, stdout, stderr } = await cli.run(...args);
  t.is(stderr, '');
  t.is(status, 0);
  const result = JSON.parse(stdout) as BenchResult;
  t.deepEqual(
    result.tools.map(({ name }) => name),
    ['silt'],
  );
  t.deepEqual(result.skipped, []);
  const [update, install, ...more] = result.fetches;
  t.deepEqual(more, []);
  t.like(update, { tool: 'silt', link: 'lan', scenario: 'update', attempts: 1 });
  t.like(install, { scenario: 'install' });
  const [some = 0, all = 0] = [update?.bytes.data, install?.bytes.data];
  t.true(some >= BYTES / 10 && some < BYTES / 5, String(some));
  t.true(all >= BYTES * 0.99, String(all));
  t.is(result.publishes.length, 2);
  t.deepEqual(await readdir(cli.temporary), []);
});

test('silt bench prints a table with a row a tool', async (t) => {
  const cli = await withImages(t);
  const { status, stdout } = await cli.run('bench', 'old', 'new', '--peers', 'none', '--link', '100Mbit,2ms');
  t.is(status, 0);
  t.regex(stdout, /^silt +\d/m);
  t.true(stdout.includes('100 Mbit/s, 2 ms'));
});

test('silt bench names the peers there are when it is asked for another', async (t) => {
  const cli = await withImages(t);
  const { status, stderr } = await cli.run('bench', 'old', 'new', '--peers', 'casink');
  t.is(status, 2);
  t.regex(stderr, /casink.*casync-64k.*xdelta3/);
});

test('silt bench says which peers are not installed, and how to get them', async (t) => {
  const cli = await createCli(t, { PATH: '/nonexistent' });
  await writeFile(join(cli.directory, 'old'), seededBytes('old', 100_000));
  await writeFile(join(cli.directory, 'new'), seededBytes('new', 100_000));
  const { status, stdout, stderr } = await cli.run('bench', 'old', 'new', '--link', 'lan');
  t.is(status, 0);
  t.regex(stderr, /left out: casync-64k: casync is not installed \(.*casync\)/);
  t.regex(stdout, /^silt +\d/m);
});

test('silt bench says why when nothing could be measured, and fails', async (t) => {
  const cli = await withImages(t);
  // 60 kB at 2 kB a second.
  const slow = ['--peers', 'none', '--link', '16kbit,10ms', '--max-seconds', '1'];
  const { status, stdout } = await cli.run('bench', 'old', 'new', ...slow);
  t.is(status, 1);
  t.regex(stdout, /^Nothing was measured\.$/m);
  t.regex(stdout, /^silt.*: (update|publishing): not done within 1 s$/m);
  t.deepEqual(await readdir(cli.temporary), []);
});

test('an interrupted silt bench leaves nothing behind', async (t) => {
  const cli = await withImages(t);
  // Slow enough to be caught in the middle.
  const child = cli.start('bench', 'old', 'new', '--peers', 'none', '--link', '16kbit,10ms');
  const ended = resultOf(child);
  const fetching = async (): Promise<boolean> =>
    (await readdir(cli.temporary, { recursive: true }).catch(() => [])).some((path) =>
      path.endsWith('device'),
    );
  while (!(await fetching())) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill('SIGINT');
  t.is((await ended).status, 130);
  t.deepEqual(await readdir(cli.temporary), []);
});
