/**
 * Starting `fetch-child.ts`.
 *
 * @module
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import type { FetchReport } from '../../src/fetcher/fetch-report.ts';
import type { FetchRequest } from './release-repository.ts';

const program = fileURLToPath(new URL('fetch-child.ts', import.meta.url));

export interface FetchChild {
  kill(): void;
  /** The report; `undefined` when it was killed. */
  readonly done: Promise<FetchReport | undefined>;
}

/** Starts a fetch of what is served at `url`; it is killed when the test ends. */
export function startFetch(t: ExecutionContext<unknown>, url: string, options: FetchRequest): FetchChild {
  const child = spawn(process.execPath, [program, url, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const kill = (): void => void child.kill('SIGKILL');
  t.teardown(kill);
  return { kill, done: reportOf(child) };
}

async function reportOf(child: ChildProcessByStdio<null, Readable, null>): Promise<FetchReport | undefined> {
  const [printed] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return child.signalCode === 'SIGKILL' ? undefined : (JSON.parse(printed) as FetchReport);
}
