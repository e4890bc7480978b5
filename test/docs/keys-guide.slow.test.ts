/**
 * The guide to keys, run as it stands: every `sh` block in order, in one directory, by one shell that stops at
 * the first command that fails.
 */
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { KiB } from '../../src/core/sizes.ts';
import { resultOf } from '../support/run-cli.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const guide = readFileSync(new URL('../../docs/guides/keys.md', import.meta.url), 'utf8');
const script = [...guide.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((match) => match[1]).join('\n');

function hasOpenssl(): boolean {
  try {
    return execFileSync('openssl', ['version'], { encoding: 'utf8' }).startsWith('OpenSSL 3');
  } catch {
    return false;
  }
}

test('the guide to keys works as it stands', async (t) => {
  t.timeout(110_000);
  t.true([...script.matchAll(/^silt /gm)].length > 40);
  if (!hasOpenssl()) {
    t.is(process.env.CI, undefined, 'the guide needs openssl 3');
    t.log('skipped: openssl 3 is not installed');
    return;
  }
  const directory = await temporaryDirectory(t);
  const [bin, work] = [join(directory, 'bin'), join(directory, 'work')];
  for (const path of [bin, work]) await mkdir(path);
  await writeFile(join(bin, 'silt'), `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
  await chmod(join(bin, 'silt'), 0o755);
  await writeFile(join(work, 'rootfs.ext4'), seededBytes('guide', 200 * KiB));
  const child = spawn('sh', ['-eux', '-c', script], {
    cwd: work,
    env: {
      ...process.env,
      PATH: [bin, process.env.PATH].join(delimiter),
      XDG_STATE_HOME: join(directory, 'state'),
      NO_COLOR: '1',
      // Some sixty processes: most of their time is loading the same modules.
      NODE_COMPILE_CACHE: join(directory, 'cache'),
    },
  });
  t.teardown(() => void child.kill('SIGKILL'));
  child.stdin.end();
  const { status, stderr } = await resultOf(child);
  t.is(status, 0, stderr.split('\n').slice(-6).join('\n'));
});
