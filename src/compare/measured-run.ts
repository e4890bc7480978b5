/**
 * Runs programs to their end and keeps account of what they cost: wall time, CPU time and peak memory.
 *
 * CPU and memory are what the kernel has counted, asked for with GNU time; without that program they are
 * sampled, see `run-sampler.ts`. Both count a program together with the children that it waited for. A program
 * that is aborted or takes too long is killed with all it started; its wall time stays on the account.
 *
 * @module
 */
import { spawnSync } from 'node:child_process';
import { type FileHandle, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KiB } from '../core/sizes.ts';
import { type Environment, findProgram } from './find-program.ts';
import type { Run, RunOptions } from './peer.ts';
import { RunFailed, RunTimeout } from './run-errors.ts';
import { type Group, startGroup } from './run-group.ts';
import { createSampler } from './run-sampler.ts';
import { addUsage, NO_USAGE, type Usage } from './usage.ts';

export interface AccountOptions {
  /** What the programs get as their environment; its PATH is where they are looked up. */
  readonly env: Environment;
  readonly signal?: AbortSignal;
  /** The longest that one program may run. Default: for ever. */
  readonly timeoutSeconds?: number;
  /** Default: GNU time where it is there. */
  readonly measure?: 'time' | 'proc';
}

export interface Account {
  /** @throws RunFailed, RunTimeout, or the reason of the signal */
  readonly run: Run;
  /** Of all programs run so far, also those that failed. */
  usage(): Usage;
}

const GNU_TIME = '/usr/bin/time';
let gnuTime: boolean | undefined;

/** True where GNU time (Debian package `time`) is installed; that of other systems knows no `-o`. */
export function hasGnuTime(): boolean {
  gnuTime ??= spawnSync(GNU_TIME, ['-q', '-f', '%M', '-o', '/dev/null', 'true']).status === 0;
  return gnuTime;
}

/** An account with nothing on it. */
export function openAccount(options: AccountOptions): Account {
  let total = NO_USAGE;
  const run: Run = async (command, args, runOptions = {}) => {
    options.signal?.throwIfAborted();
    const path = findProgram(command, options.env);
    if (path === undefined) {
      const where = command.includes('/') ? 'there is no such program' : 'it is not in the PATH';
      throw new RunFailed(command, `cannot run ${command}: ${where}; install it`);
    }
    const stdout = runOptions.stdout === undefined ? undefined : await open(runOptions.stdout, 'w');
    const directory = await mkdtemp(join(tmpdir(), 'silt-run-'));
    try {
      const measure = options.measure ?? (hasGnuTime() ? 'time' : 'proc');
      const measured = measure === 'time' ? runTimed : runSampled;
      const start = starter(options, runOptions, stdout);
      const { usage, status, stderr, stopped } = await measured(path, args, start, join(directory, 'usage'));
      total = addUsage(total, usage);
      if (stopped === 'timeout') throw new RunTimeout(command, options.timeoutSeconds ?? 0);
      if (stopped === 'aborted') options.signal?.throwIfAborted();
      if (!(runOptions.accept ?? [0]).includes(status)) throw failure(command, args, status, stderr);
    } finally {
      await stdout?.close();
      await rm(directory, { recursive: true, force: true });
    }
  };
  return { run, usage: () => total };
}

interface Ended {
  readonly status: number;
  readonly stderr: string;
  readonly wallSeconds: number;
  readonly stopped: 'timeout' | 'aborted' | undefined;
}

type Start = (path: string, args: readonly string[], onStart?: (group: Group) => void) => Promise<Ended>;

type Measure = (
  path: string,
  args: readonly string[],
  start: Start,
  usageFile: string,
) => Promise<Ended & { readonly usage: Usage }>;

/** Runs a program to its end, or until it has to be stopped. */
function starter(options: AccountOptions, { cwd }: RunOptions, stdout: FileHandle | undefined): Start {
  const { env, signal, timeoutSeconds } = options;
  return async (path, args, onStart) => {
    const began = performance.now();
    const group = await startGroup(path, args, { cwd, env, stdout: stdout?.fd }).catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      throw new RunFailed(path, `cannot run ${path}: ${why}`, { cause: error });
    });
    let stopped: Ended['stopped'];
    const stop = (why: 'timeout' | 'aborted'): void => {
      stopped ??= why;
      group.kill();
    };
    const onAbort = (): void => stop('aborted');
    signal?.addEventListener('abort', onAbort, { once: true });
    const limited = timeoutSeconds !== undefined;
    const timer = limited ? setTimeout(() => stop('timeout'), timeoutSeconds * 1000) : undefined;
    // It may have been aborted while the program was being started.
    if (signal?.aborted) onAbort();
    onStart?.(group);
    const { status, stderr } = await group.ended;
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    return { status, stderr, wallSeconds: (performance.now() - began) / 1000, stopped };
  };
}

const runTimed: Measure = async (path, args, start, usageFile) => {
  const format = ['-q', '-f', '%U %S %M', '-o', usageFile];
  const ended = await start(GNU_TIME, [...format, path, ...args]);
  // Nothing was written when it had to be killed.
  const text = await readFile(usageFile, 'utf8').catch(() => '');
  const [user = 0, system = 0, kilobytes = 0] = text.trim().split(' ').map(Number);
  const { wallSeconds } = ended;
  return { ...ended, usage: { wallSeconds, cpuSeconds: user + system, peakMemory: kilobytes * KiB } };
};

const runSampled: Measure = async (path, args, start) => {
  const sampler = createSampler();
  try {
    const ended = await start(path, args, ({ pid }) => sampler.start(pid));
    return { ...ended, usage: { wallSeconds: ended.wallSeconds, ...sampler.stop() } };
  } finally {
    sampler.stop();
  }
};

function failure(command: string, args: readonly string[], status: number, stderr: string): RunFailed {
  const said = stderr === '' ? 'it wrote nothing to its standard error' : `it wrote: ${stderr}`;
  return new RunFailed(command, `${[command, ...args].join(' ')} ended with status ${status}; ${said}`, {
    status,
  });
}
