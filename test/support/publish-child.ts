/**
 * A process of its own that publishes into a directory or a bucket: `node publish-child.ts TASK`, where TASK is a
 * {@link PublishTask} as JSON. It sends a {@link PublishAnswer} when it is done, if it lives that long.
 *
 * @module
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { isSiltError, SiltError } from '../../src/core/errors.ts';
import { KiB } from '../../src/core/sizes.ts';
import { publish } from '../../src/publisher/publish.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { withRetry } from '../../src/store/with-retry.ts';
import { openLedger } from '../../src/trust/unsigned-releases.ts';
import { FAST } from './publish-bench.ts';
import { withBeforePut } from './with-before-put.ts';

export interface PublishTask {
  /** A directory, or s3://bucket/prefix: then the environment says where. */
  readonly repository: string;
  readonly temporaryDirectory: string;
  readonly version: string;
  readonly images: Readonly<Record<string, string>>;
  readonly channel?: string;
  readonly workers?: number;
  /** Kill this process with SIGKILL once so many writes have begun, and this many turns of its loop later. */
  readonly kill?: { readonly atPut: number; readonly turns: number };
  /** Abort the publish once so many writes have begun. */
  readonly abortAtPut?: number;
  /** Before the manifest is stored, send `'ready'` and wait for a message: the catalog has been read by then. */
  readonly waitBeforeManifest?: boolean;
}

export type PublishAnswer =
  | { readonly unchanged: boolean; readonly counter: number; readonly peakMemory: number }
  | { readonly code: string; readonly message: string };

/** The path of this file, for whoever starts it. */
export const publishChild: string = fileURLToPath(import.meta.url);

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? '') as PublishTask);

async function main(task: PublishTask): Promise<void> {
  const answer = await run(task).catch((error: unknown): PublishAnswer => {
    if (!isSiltError(error)) throw error;
    return { code: error.code, message: error.message };
  });
  process.send?.(answer);
  process.disconnect?.();
}

async function run(task: PublishTask): Promise<PublishAnswer> {
  const { version, images, channel, temporaryDirectory } = task;
  const abort = new AbortController();
  const store = prepared(await openRepository(task), task, abort);
  const report = await publish(store, openLedger(store), {
    ...FAST,
    product: 'os',
    version,
    channel,
    workers: task.workers ?? 1,
    temporaryDirectory,
    signal: abort.signal,
    images: Object.entries(images).map(([name, path]) => ({ name, path })),
  });
  return { unchanged: report.unchanged, counter: report.manifest.counter, peakMemory: await peakMemory() };
}

async function openRepository({ repository }: PublishTask): Promise<Store> {
  return withRetry(await openStore(repository, { env: process.env, create: true }));
}

/** In bytes. Where it can be asked for, that of this program: maxRSS begins with that of its parent. */
async function peakMemory(): Promise<number> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  const peak = /^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1];
  return (peak === undefined ? process.resourceUsage().maxRSS : Number(peak)) * KiB;
}

function prepared(store: Store, task: PublishTask, abort: AbortController): Store {
  const { kill, waitBeforeManifest, abortAtPut } = task;
  let waited = false;
  return withBeforePut(store, async (key, ordinal) => {
    if (ordinal === kill?.atPut) killAfter(kill.turns);
    if (ordinal === abortAtPut) abort.abort(new SiltError('INTERRUPTED', 'stopped by the test'));
    if (waitBeforeManifest && !waited && key.startsWith('targets/')) {
      waited = true;
      process.send?.('ready');
      await once(process, 'message');
    }
  });
}

/** Not awaited: the write goes on while the turns are counted. */
function killAfter(turns: number): void {
  if (turns <= 0) process.kill(process.pid, 'SIGKILL');
  else setImmediate(() => killAfter(turns - 1));
}
