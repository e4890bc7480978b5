import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { KiB } from '../../src/core/sizes.ts';
import { createCli } from '../support/run-cli.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

const PLACE = ['--repo', 'repo', '--insecure'];
const RELEASE = [...PLACE, '--product', 'p'];
const WARNING = /^warning: --insecure: nothing is signed here[^\n]+\n$/;

test('without signatures every command warns at every run, and --json says so in its document', async (t) => {
  const { directory, run } = await createCli(t);
  await writeFile(join(directory, 'a.img'), seededBytes('cli insecure', 100 * KiB));
  const commands: readonly (readonly string[])[] = [
    ['publish', 'a.img', ...RELEASE, '--version', '1', '--workers', '1'],
    ['fetch', ...RELEASE, '--output', 'b.img'],
    ['verify', 'b.img', ...RELEASE],
    ['verify', ...PLACE],
    ['inspect', ...PLACE],
    ['inspect', ...RELEASE],
  ];
  for (const command of commands) {
    const quiet = command[0] === 'inspect' ? command : [...command, '--quiet'];
    const human = await run(...quiet);
    t.is(human.status, 0, human.stderr);
    t.regex(human.stderr, WARNING, command.join(' '));
    const { status, stdout, stderr } = await run(...command, '--json');
    t.is(status, 0);
    t.is(stderr, '');
    t.is((JSON.parse(stdout) as { trust?: unknown }).trust, 'insecure', command.join(' '));
  }
});
