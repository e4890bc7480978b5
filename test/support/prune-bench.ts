/**
 * A repository in memory to publish to and prune, with a clock that a test moves.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { chunkerSpec } from '../../src/chunker/chunker.ts';
import { KiB } from '../../src/core/sizes.ts';
import type { Manifest } from '../../src/format/manifest.ts';
import type { Clock } from '../../src/publisher/prune/clock.ts';
import { type PruneOptions, prune } from '../../src/publisher/prune/prune.ts';
import type { PruneReport } from '../../src/publisher/prune/prune-report.ts';
import { type PublishOptions, publish } from '../../src/publisher/publish.ts';
import type { Store } from '../../src/store/store.ts';
import { openLedger } from '../../src/trust/unsigned-releases.ts';
import { collect } from './collect.ts';
import { type MemoryStore, memoryStore } from './memory-store.ts';
import { FAST } from './publish-bench.ts';
import { rebuildImage } from './rebuild-image.ts';
import { temporaryDirectory } from './temporary-directory.ts';

export const HOUR = 3_600_000;
export const DAY: number = 24 * HOUR;
export const GRACE: number = 7 * DAY;
export const START: number = Date.parse('2026-03-01T12:00:00Z');

/** Clocks that stand still until a test, or whoever waits, moves them. */
export class TestClock implements Clock {
  /** By the machine, and by the store. */
  own: number = START;
  store: number | undefined = START;
  #elapsed = 0;

  now(): number {
    return this.own;
  }

  elapsed(): number {
    return this.#elapsed;
  }

  sleep = async (ms: number): Promise<void> => this.pass(ms);

  pass(ms: number): void {
    this.own += ms;
    if (this.store !== undefined) this.store += ms;
    this.#elapsed += ms;
  }
}

export interface PruneBench {
  readonly clock: TestClock;
  readonly store: MemoryStore;
  /** Publishes a release with one image. */
  publish(
    version: string,
    image: Uint8Array,
    options?: Partial<PublishOptions>,
    to?: Store,
  ): Promise<Manifest>;
  /** Prunes; the grace is {@link GRACE}. */
  prune(options?: Partial<PruneOptions>, from?: Store): Promise<PruneReport>;
  /** Every release, rebuilt, by product and version: the SHA-256 of its images has been compared. */
  rebuildAll(from?: Store): Promise<Manifest[]>;
}

export async function pruneBench(t: ExecutionContext<unknown>): Promise<PruneBench> {
  const directory = await temporaryDirectory(t);
  const clock = new TestClock();
  const store = memoryStore(() => clock.store);
  return {
    clock,
    store,
    async publish(version, image, options = {}, to = store) {
      const path = join(directory, randomUUID());
      await writeFile(path, image);
      const { manifest } = await publish(to, openLedger(to), {
        ...FAST,
        chunker: chunkerSpec('fastcdc-1', 2 * KiB),
        product: 'os',
        version,
        images: [{ name: 'rootfs', path }],
        temporaryDirectory: directory,
        ...options,
      });
      return manifest;
    },
    prune: (options = {}, from = store) =>
      prune(from, openLedger(from), { graceMs: GRACE, clock, ...options }),
    async rebuildAll(from = store) {
      const manifests = await collect(openLedger(from).all());
      for (const { images } of manifests) for (const image of images) await rebuildImage(from, image);
      return manifests;
    },
  };
}

/** Keeps so many releases, and what channels point at. */
export function keepLast(last: number): NonNullable<PruneOptions['keep']> {
  return { last, channels: [], versions: [] };
}

/** Objects of releases: what prune may delete. */
export function objectsIn(store: MemoryStore): string[] {
  return [...store.objects.keys()].filter((key) => !/^prune\/|timestamp\.json$/.test(key)).sort();
}
