/**
 * Runs a guide as it stands: every `sh` block of it in order, in one directory, by one shell that stops at the first
 * command that fails. `silt` is the one of these sources.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { resultOf } from './run-cli.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** The commands of docs/guides/`name`. */
export function scriptOfGuide(name: string): string {
  const guide = readFileSync(new URL(`../../docs/guides/${name}`, import.meta.url), 'utf8');
  return [...guide.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((match) => match[1]).join('\n');
}

/**
 * Runs `script`, and requires that it succeeds.
 *
 * @param files what lies in its directory, by name
 * @returns the directory
 */
export async function runGuide(
  t: ExecutionContext,
  script: string,
  files: Readonly<Record<string, Uint8Array>>,
): Promise<string> {
  t.timeout(110_000);
  const directory = await temporaryDirectory(t);
  const [bin, work] = [join(directory, 'bin'), join(directory, 'work')];
  for (const path of [bin, work]) await mkdir(path);
  await writeFile(join(bin, 'silt'), `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
  await chmod(join(bin, 'silt'), 0o755);
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(work, name), bytes);
  const child = spawn('sh', ['-eux', '-c', script], {
    cwd: work,
    env: {
      ...process.env,
      PATH: [bin, process.env.PATH].join(delimiter),
      XDG_STATE_HOME: join(directory, 'state'),
      NO_COLOR: '1',
      // Dozens of processes: most of their time is loading the same modules.
      NODE_COMPILE_CACHE: join(directory, 'cache'),
    },
  });
  t.teardown(() => void child.kill('SIGKILL'));
  child.stdin.end();
  const { status, stderr } = await resultOf(child);
  t.is(status, 0, stderr.split('\n').slice(-6).join('\n'));
  return work;
}
