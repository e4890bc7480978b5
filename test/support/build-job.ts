/**
 * What a build system runs at its end, as it runs it: a shell with an environment of its own, `silt` in its PATH.
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { type CliResult, resultOf } from './run-cli.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** The top of this project. */
export const projectRoot = fileURLToPath(new URL('../..', import.meta.url));

const main = join(projectRoot, 'src', 'cli', 'main.ts');

export interface BuildJob {
  /** Where it runs. */
  readonly directory: string;
  /** Holds nothing but `silt`; ahead in the PATH. */
  readonly bin: string;
  /** Temporary files go here. */
  readonly temporary: string;
  /** Runs a program in an environment of PATH, TMPDIR and `env` alone. */
  run(command: readonly [string, ...string[]], env?: Readonly<Record<string, string>>): Promise<CliResult>;
}

/** A job with the real silt. */
export async function buildJob(t: ExecutionContext<unknown>): Promise<BuildJob> {
  return await jobWith(t, `exec '${process.execPath}' '${main}' "$@"\n`);
}

export interface RecordedJob extends BuildJob {
  /** Arguments of the one call; `undefined` when there was none. */
  calledWith(): readonly string[] | undefined;
}

/** A job whose silt notes its arguments, and then runs `shell`. */
export async function recordedJob(t: ExecutionContext<unknown>, shell = "echo '{}'"): Promise<RecordedJob> {
  const place = await temporaryDirectory(t);
  const file = join(place, 'arguments');
  const job = await jobWith(t, `printf '%s\\0' "$@" >>'${file}'\n${shell}\n`);
  return {
    ...job,
    calledWith() {
      try {
        return readFileSync(file, 'utf8').split('\0').slice(0, -1);
      } catch {
        return undefined;
      }
    },
  };
}

async function jobWith(t: ExecutionContext<unknown>, silt: string): Promise<BuildJob> {
  const root = await temporaryDirectory(t);
  const [directory, bin, temporary] = [join(root, 'work'), join(root, 'bin'), join(root, 'tmp')];
  for (const path of [directory, bin, temporary]) mkdirSync(path);
  writeFileSync(join(bin, 'silt'), `#!/bin/sh\n${silt}`);
  chmodSync(join(bin, 'silt'), 0o755);
  return {
    directory,
    bin,
    temporary,
    async run([program, ...args], env = {}) {
      const child = spawn(program, args, {
        cwd: directory,
        env: { PATH: [bin, process.env.PATH].join(delimiter), TMPDIR: temporary, HOME: root, ...env },
      });
      t.teardown(() => void child.kill('SIGKILL'));
      child.stdin.end();
      return await resultOf(child);
    },
  };
}
