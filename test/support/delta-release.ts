/**
 * A release that has deltas: images with small changes all over, which chunks are bad at.
 *
 * @module
 */
import anyTest, { type TestFn } from 'ava';
import { KiB } from '../../src/core/sizes.ts';
import { openImage } from '../../src/fetcher/open-image.ts';
import { type DeltaHead, decodeDeltaHead } from '../../src/format/delta-file.ts';
import type { IndexHead } from '../../src/format/index-head.ts';
import type { ManifestDelta } from '../../src/format/manifest.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { openReleases } from '../../src/trust/unsigned-releases.ts';
import { edited, publishDeltas } from './publish-deltas.ts';
import { PRODUCT, sharedDirectory } from './release-repository.ts';
import { seededBytes } from './seeded-bytes.ts';

/** Windows of this image are edited, moved, as they were, all new and zeros in the next. */
export const deltaBase: Buffer = Buffer.concat([
  seededBytes('delta 1', 4500 * KiB),
  Buffer.alloc(300 * KiB),
  seededBytes('delta 2', 900 * KiB),
]);

const changed = edited(deltaBase, 1, 90, 0, 4000 * KiB);
export const deltaImage: Buffer = edited(
  Buffer.concat([
    changed.subarray(0, 2000 * KiB),
    seededBytes('delta inserted', 3 * KiB),
    changed.subarray(2000 * KiB),
    seededBytes('delta appended', 200 * KiB),
  ]),
  2,
  30,
  4900 * KiB,
  5600 * KiB,
);

export interface PublishedDelta {
  readonly entry: ManifestDelta;
  readonly head: DeltaHead;
  readonly index: IndexHead;
  /** Bytes of level 1. */
  readonly indexHeadSize: number;
}

/** The deltas of the latest release, in the order of its manifest. */
export async function readDeltas(repository: string): Promise<PublishedDelta[]> {
  const store = await openDirectoryStore(repository);
  const selector = { product: PRODUCT, selector: { latest: true } } as const;
  const { image, head: index } = await openImage(store, openReleases(store), selector);
  const deltas: PublishedDelta[] = [];
  for (const entry of image.deltas ?? []) {
    const parts: Uint8Array[] = [];
    const range = { offset: 0, length: entry.head.size };
    for await (const part of store.getRange(`deltas/${entry.sha256}`, range)) parts.push(part.slice());
    const head = decodeDeltaHead(Buffer.concat(parts));
    deltas.push({ entry, head, index, indexHeadSize: image.index.head.size });
  }
  return deltas;
}

/** The windows of the delta that have a payload. */
export function codedWindows({ head }: PublishedDelta): number[] {
  return head.windows.flatMap(({ source }, window) => (source.kind === 'coded' ? [window] : []));
}

/** Sum of the payloads of these windows. */
export function payloadBytes({ head }: PublishedDelta, windows: readonly number[]): number {
  return windows.reduce((sum, window) => {
    const source = head.windows[window]?.source;
    return source?.kind === 'coded' ? sum + source.payload.length : sum;
  }, 0);
}

export interface DeltaRepository {
  /** Path of the repository. Read it only, or copy it first. */
  readonly repository: string;
  readonly deltas: readonly PublishedDelta[];
  readonly remove: () => Promise<void>;
}

/** The `test` of a file whose tests share a repository with these releases and their deltas. */
export function deltaTest(images: Readonly<Record<string, Uint8Array>>): TestFn<DeltaRepository> {
  const test = anyTest as TestFn<DeltaRepository>;
  test.before(async (t) => {
    const { path, remove } = await sharedDirectory();
    const repository = await publishDeltas(path, images);
    t.context = { repository, deltas: await readDeltas(repository), remove };
  });
  test.after.always((t) => t.context.remove());
  return test;
}
