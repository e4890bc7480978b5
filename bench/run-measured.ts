/**
 * Runs a program to its end and says how long it took and how much memory it had.
 *
 * @module
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

export interface Measured {
  readonly stdout: string;
  readonly seconds: number;
  /** Peak resident memory in bytes, by GNU time; 0 where that is not installed. */
  readonly peakMemory: number;
}

const hasTime = spawnSync('/usr/bin/time', ['-f', '%M', 'true']).status === 0;

/** @throws Error unless the program exits with 0 */
export async function runMeasured(command: string, args: readonly string[]): Promise<Measured> {
  const started = performance.now();
  const child = hasTime
    ? spawn('/usr/bin/time', ['-f', '%M', command, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    : spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  if (status !== 0) throw new Error(`${command} ${args[0]} ended with ${status}: ${stderr}`);
  const kilobytes = hasTime ? Number(stderr.trim().split('\n').at(-1)) : 0;
  return { stdout, seconds: (performance.now() - started) / 1000, peakMemory: kilobytes * 1024 };
}

/** The numbers of what `silt publish --json` and `silt fetch --json` print. */
export type SiltReport = Readonly<
  Record<'bytesUploaded' | 'dataBytes' | 'indexBytes' | 'requests' | 'seconds' | 'peakMemory', number>
>;

const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

/** Runs the built command line with `--json`. */
export async function silt(args: readonly string[]): Promise<SiltReport> {
  const { stdout } = await runMeasured(process.execPath, [main, ...args, '--json']);
  return JSON.parse(stdout) as SiltReport;
}
