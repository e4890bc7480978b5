/**
 * Worker threads for cutting, hashing and compressing; piscina underneath, and nothing else of it outside
 * this folder.
 *
 * @module
 */
import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { Piscina } from 'piscina';
import { SiltError } from '../core/errors.ts';
import type { Matches } from '../delta/matches.ts';
import type {
  Answer,
  BuiltFrame,
  DigestTask,
  EncodedWindow,
  EncodeTask,
  FrameTask,
  MatchTask,
  RepeatTask,
  ScannedChunks,
  ScanTask,
} from './tasks.ts';

export interface WorkerPool extends AsyncDisposable {
  /** Threads at work at once. */
  readonly workers: number;
  scan(task: ScanTask): Promise<ScannedChunks>;
  frame(task: FrameTask): Promise<BuiltFrame>;
  digests(task: DigestTask): Promise<Uint8Array>;
  match(task: MatchTask): Promise<Matches>;
  encode(task: EncodeTask): Promise<EncodedWindow>;
  repeats(task: RepeatTask): Promise<Matches>;
  /** Ends the threads, whatever they do. */
  close(): Promise<void>;
}

/**
 * One worker for each processor that this process may use, but at most four: each takes about 45 MiB, and
 * with four of them a publish stays below 700 MiB whatever it publishes, as long as it makes no deltas.
 */
export function defaultWorkers(): number {
  return Math.min(4, availableParallelism());
}

/**
 * Starts a pool.
 *
 * @param signal ends every task that waits or runs; their promises then reject with its reason
 * @throws SiltError USAGE unless there is to be one worker at least
 */
export function openPool(workers: number, signal?: AbortSignal): WorkerPool {
  if (!Number.isInteger(workers) || workers < 1) {
    throw new SiltError('USAGE', `expected one worker or more, found ${workers}`);
  }
  const pool = new Piscina({
    // TypeScript does not rewrite the path of a worker, so take our own extension: .ts here, .js when built.
    filename: new URL(`./worker${extname(import.meta.url)}`, import.meta.url).href,
    minThreads: workers,
    maxThreads: workers,
    idleTimeout: 1000,
  });
  const broken = new AbortController();
  const stop = signal === undefined ? broken.signal : AbortSignal.any([signal, broken.signal]);
  let closed = false;
  pool.on('error', (error: unknown) => {
    // A result that comes in just after its task was cancelled is an error to piscina, and to nobody else.
    if (closed || stop.aborted) return;
    broken.abort(new SiltError('INTERNAL', `a worker thread ended: ${String(error)}`, { cause: error }));
  });
  const run = async <T>(name: string, task: unknown): Promise<T> => {
    stop.throwIfAborted();
    let answer: Answer<T>;
    try {
      answer = await pool.run(task, { name, signal: stop });
    } catch (error) {
      stop.throwIfAborted();
      throw error;
    }
    if ('value' in answer) return answer.value;
    throw new SiltError(answer.failed.code, answer.failed.message, { details: answer.failed.details });
  };
  const close = (): Promise<void> => {
    closed = true;
    return pool.destroy();
  };
  return {
    workers,
    scan: (task) => run('scan', task),
    frame: (task) => run('frame', task),
    digests: (task) => run('digests', task),
    match: (task) => run('match', task),
    encode: (task) => run('encode', task),
    repeats: (task) => run('repeats', task),
    close,
    [Symbol.asyncDispose]: close,
  };
}
