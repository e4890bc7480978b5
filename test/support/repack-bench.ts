/**
 * Releases of many small images, each of which has a frame of its own in a pack: for packs that lose frames.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { KiB } from '../../src/core/sizes.ts';
import type { Manifest } from '../../src/format/manifest.ts';
import type { RepackRule } from '../../src/publisher/prune/repack.ts';
import { verifyRepository } from '../../src/publisher/verify-repository.ts';
import type { Store } from '../../src/store/store.ts';
import { openReleases } from '../../src/trust/unsigned-releases.ts';
import { type PruneBench, pruneBench } from './prune-bench.ts';
import { seededBytes } from './seeded-bytes.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** However little goes. */
export const HALF: RepackRule = { below: 0.5, freedBytes: 1 };

/** Stored bytes of a piece: they do not compress. */
export const PIECE: number = 8 * KiB;

export const pieceOf = (name: string): Uint8Array => seededBytes(`piece ${name}`, PIECE);

export interface RepackBench extends PruneBench {
  /** Publishes a release with an image for each letter of `pieces`. */
  publishPieces(version: string, pieces: string, to?: Store): Promise<Manifest>;
  /** Keys of packs and remnants, remnants as `P.1`. */
  packs(from?: { readonly objects: ReadonlyMap<string, unknown> }): string[];
  /** What `silt verify` finds wrong, and how many objects no release needs. */
  verify(from?: Store): Promise<{ damaged: string[]; unreferenced: number }>;
}

export async function repackBench(t: ExecutionContext<unknown>): Promise<RepackBench> {
  const bench = await pruneBench(t);
  const directory = await temporaryDirectory(t);
  return {
    ...bench,
    async publishPieces(version, pieces, to) {
      const images = [...pieces].map((name) => ({ name, path: join(directory, randomUUID()) }));
      for (const { name, path } of images) await writeFile(path, pieceOf(name));
      return await bench.publish(version, new Uint8Array(), { images }, to);
    },
    packs: (from = bench.store) => [...from.objects.keys()].filter((key) => key.startsWith('packs/')).sort(),
    async verify(from = bench.store) {
      const names = (await bench.rebuildAll(from)).map(({ product, version }) => ({ product, version }));
      const { damaged, unreferenced } = await verifyRepository(from, openReleases(from), names);
      return { damaged: damaged.map(({ key, problem }) => `${key} ${problem}`), unreferenced };
    },
  };
}
