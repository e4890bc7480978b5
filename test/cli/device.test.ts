import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { checkConfig } from '../../src/device/config/parse-config.ts';
import { createJsonCli } from '../support/json-cli.ts';
import { sampleConfig } from '../support/sample-config.ts';

test('silt device check says what a good configuration is about', async (t) => {
  const { run, directory } = await createJsonCli(t);
  await writeFile(join(directory, 'device.yaml'), sampleConfig());
  const { status, stdout, stderr } = await run('device', 'check', 'device.yaml');
  t.deepEqual([status, stderr], [0, '']);
  t.is(stdout, 'device.yaml: good; gateway from the channel stable: rootfs (slots); boot loader: grub\n');
});

test('silt device check tells mistakes and warnings by line, and exits with 2', async (t) => {
  const { run, directory } = await createJsonCli(t);
  const text = sampleConfig({ product: 'prodct: gateway', hooks: '' });
  await writeFile(join(directory, 'device.yaml'), text);
  const { status, stdout, stderr } = await run('device', 'check', 'device.yaml');
  t.deepEqual([status, stderr], [2, '']);
  const lines = stdout.trimEnd().split('\n');
  t.is(lines.length, 4);
  t.deepEqual(lines.map((line) => line.split(' ').slice(0, 2).join(' ')).sort(), [
    'device.yaml: 2',
    'device.yaml:1:1: product:',
    'device.yaml:1:1: warning:',
    'device.yaml:2:1: prodct:',
  ]);
  t.is(lines[2], 'device.yaml:2:1: prodct: there is no such member; did you mean product?');
  t.is(lines[3], 'device.yaml: 2 mistakes');
});

test('with --json both are lists, and the exit status is the same', async (t) => {
  const { json, directory } = await createJsonCli(t);
  const path = join(directory, 'device.yaml');
  await writeFile(path, sampleConfig({ hooks: '' }));
  const good = await json<Record<string, unknown>>(0, 'device', 'check', path);
  t.deepEqual([good.path, good.valid, good.mistakes], [path, true, []]);
  t.like((good.warnings as unknown[])[0], { line: 1, column: 1, member: 'hooks' });
  await writeFile(path, sampleConfig({ product: 'product: /' }));
  const bad = await json<Record<string, unknown>>(2, 'device', 'check', path);
  t.is(bad.valid, false);
  t.like((bad.mistakes as unknown[])[0], { line: 2, column: 10, member: 'product' });
});

test('--quiet leaves the mistakes alone, on stderr', async (t) => {
  const { run, directory } = await createJsonCli(t);
  await writeFile(join(directory, 'device.yaml'), sampleConfig({ product: '', hooks: '' }));
  const { status, stdout, stderr } = await run('device', 'check', 'device.yaml', '--quiet');
  t.deepEqual([status, stdout], [2, '']);
  t.regex(stderr, /^device\.yaml:1:1: product: expected a name [^\n]*\n$/);
});

test('a file that is not there is one error', async (t) => {
  const { fails } = await createJsonCli(t);
  const error = await fails(2, 'device', 'check', 'none.yaml');
  t.is(error.code, 'CONFIG_INVALID');
});

test('the configuration that the guide tries out on a desk is right, without a warning', (t) => {
  const guide = readFileSync(new URL('../../docs/guides/cli.md', import.meta.url), 'utf8');
  const text = /^### On a desk$[\s\S]*?^```yaml\n([\s\S]*?)^```$/m.exec(guide)?.[1] ?? '';
  const { config, mistakes, warnings } = checkConfig(text, { path: '/tmp/desk/desk.yaml' });
  t.deepEqual([mistakes, warnings], [[], []]);
  t.is(config?.bootLoader.type, 'simulated');
});
