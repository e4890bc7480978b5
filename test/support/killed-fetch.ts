/**
 * Fetches that die in the middle.
 *
 * @module
 */
import type { ExecutionContext } from 'ava';
import { MiB } from '../../src/core/sizes.ts';
import { type FetchRequest, type ServedRepository, serveRepository } from './release-repository.ts';
import { startFetch } from './start-fetch.ts';

/** A line that a fetch keeps up with, so that what was sent has arrived. */
const LINE = { bytesPerSecond: 24 * MiB };

export interface KillStage extends ServedRepository {
  /** Runs a fetch in a process of its own that dies as soon as so many bytes of the objects were sent to it. */
  killedAt(bytes: number, options: FetchRequest): Promise<void>;
  /** Bytes of the objects that were sent so far. */
  sentBytes(): number;
}

/** @param objects whose bytes are counted, by their keys */
export async function openKillStage(
  t: ExecutionContext<unknown>,
  repository: string,
  objects: RegExp,
): Promise<KillStage> {
  let heard = (): void => {};
  const served = await serveRepository(t, repository, { ...LINE, onBytes: () => heard() });
  const sentBytes = (): number => served.proxy.count(objects).bytes;
  return {
    ...served,
    sentBytes,
    async killedAt(bytes, options) {
      const { kill, done } = startFetch(t, served.proxy.url, options);
      const until = sentBytes() + bytes;
      heard = () => {
        if (sentBytes() >= until) kill();
      };
      await done;
      heard = () => {};
    },
  };
}
