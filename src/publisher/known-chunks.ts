/**
 * Learns from the repository itself which chunks it holds: manifests name indexes, indexes name packs, and
 * the trailer of each pack names its chunks. A publisher keeps no state of its own.
 *
 * @module
 */
import { equalBytes } from '../core/bytes.ts';
import { DIGEST_BYTES, sha256, sha256Hex, toHex } from '../core/digest.ts';
import { isSiltError, SiltError } from '../core/errors.ts';
import { inOrder } from '../core/in-order.ts';
import { decodeIndexHead, type IndexHead, type PackEntry } from '../format/index-head.ts';
import type { Manifest, ManifestImage } from '../format/manifest.ts';
import { decodePackTrailer, type PackFrame } from '../format/pack.ts';
import type { PackRange } from '../format/remnant.ts';
import { readRange } from '../store/read-range.ts';
import type { ByteRange, Key, ReadStore, Store } from '../store/store.ts';
import { type RemnantReader, withRemnants } from '../store/with-remnants.ts';
import type { ReleaseLedger } from '../trust/releases.ts';
import type { ContentKey, ObjectSeal } from '../trust/seal/content-key.ts';
import { openHead, openSegment } from '../trust/seal/sealed-head.ts';
import { BasePlaces } from './base-places.ts';
import type { ChunkTable } from './chunk-table.ts';
import type { FrameTable } from './frame-table.ts';
import { trailerOffset } from './pack-builder.ts';
import type { SealingPlan } from './plan-sealing.ts';
import { readLevel2 } from './read-level2.ts';

/** Objects read at a time. */
const PARALLEL = 8;

/** What is to be published: what it may share with other releases depends on it. */
export interface SharingRelease {
  readonly product: string;
  readonly sealing: Pick<SealingPlan, 'key' | 'sealing'> | undefined;
  /** The releases that devices have which will take this one. Default: the newest of the product. */
  readonly before?: readonly Manifest[] | undefined;
}

/**
 * Fills the tables with every chunk of every release that `release` may share: those of its product first, then,
 * marked as foreign, what only other products hold. Chunks that the releases before have are marked as held, and known
 * where those take them from; another chunk that lies in several places is known in the latest. A sealed release shares
 * with those of its own epoch, for its recipients have no other key; one that is not sealed shares with those that are
 * not either.
 *
 * @throws SiltError OBJECT_MISSING or DIGEST_MISMATCH for a damaged repository, store errors
 */
export async function loadKnownChunks(
  store: Store,
  ledger: ReleaseLedger,
  release: SharingRelease,
  tables: { readonly chunks: ChunkTable; readonly frames: FrameTable },
  signal?: AbortSignal,
): Promise<void> {
  const own = new Map<string, ManifestImage>();
  const foreign = new Map<string, ManifestImage>();
  const key = release.sealing?.key;
  const newest = new Map<string, { readonly counter: number; readonly image: ManifestImage }>();
  for await (const manifest of ledger.all({ signal })) {
    if (!mayShare(release, manifest)) continue;
    const images = manifest.product === release.product ? own : foreign;
    for (const image of manifest.images) {
      images.set(image.index.sha256, image);
      if (images !== own || manifest.counter < (newest.get(image.name)?.counter ?? 0)) continue;
      newest.set(image.name, { counter: manifest.counter, image });
    }
  }
  const before = release.before?.flatMap(({ images }) => images.filter(({ index }) => own.has(index.sha256)));
  const bases = before?.length ? before : [...newest.values()].map(({ image }) => image);
  const opened = new Map<string, OpenedIndex>();
  for (const image of bases) opened.set(image.index.sha256, await openIndex(store, image, key, signal));
  const seen = new Set<string>();
  const whole = withRemnants(store);
  const load = async (images: Iterable<ManifestImage>, places?: BasePlaces): Promise<void> => {
    const packs: PackEntry[] = [];
    const heads = inOrder(images, PARALLEL, async (image) => {
      return opened.get(image.index.sha256) ?? (await openIndex(store, image, key, signal));
    });
    for await (const { head } of heads) {
      for (const pack of head.packs) {
        if (!seen.has(toHex(pack.digest))) packs.push(pack);
        seen.add(toHex(pack.digest));
      }
    }
    let at = 0;
    for await (const known of inOrder(packs, PARALLEL, (pack) => readTrailer(whole, pack, key, signal))) {
      addPack(packs[at++] as PackEntry, known, tables.chunks, tables.frames, places);
    }
  };
  await load(own.values(), await placesOf(store, opened, signal));
  const firstForeign = tables.frames.frames;
  await load(foreign.values());
  tables.frames.endForeign(firstForeign);
}

/** Where the chunks of these images lie. */
async function placesOf(
  store: ReadStore,
  opened: ReadonlyMap<string, OpenedIndex>,
  signal: AbortSignal | undefined,
): Promise<BasePlaces> {
  const places = new BasePlaces();
  for (const [sha256, { head, seal }] of opened) {
    const read = (offset: number, length: number): Promise<Uint8Array> =>
      readOrDamaged(store, `indexes/${sha256}`, { offset, length }, signal);
    await places.add(head.packs, readLevel2(head, read, seal));
  }
  return places;
}

function mayShare(
  { product, sealing }: SharingRelease,
  { product: other, sealing: theirs }: Manifest,
): boolean {
  if (sealing === undefined || theirs === undefined) return sealing === theirs;
  const { epoch, keyId } = sealing.sealing;
  return product === other && theirs.epoch === epoch && theirs.keyId === keyId;
}

export interface OpenedIndex {
  readonly head: IndexHead;
  /** Opens level 2, where that is sealed. */
  readonly seal: ObjectSeal | undefined;
}

/**
 * Level 1 of an image's index, checked against the manifest.
 *
 * @param key of the release; `undefined` when it is not sealed
 * @throws SiltError DIGEST_MISMATCH, SEAL_BROKEN, FORMAT_INVALID, store errors
 */
export async function openIndex(
  store: ReadStore,
  image: Pick<ManifestImage, 'index'>,
  key: ContentKey | undefined,
  signal?: AbortSignal,
): Promise<OpenedIndex> {
  const { key: name, bytes } = await readHead(store, image, signal);
  const { plain, seal } = openHead('index', bytes, key, name);
  return { head: decodeIndexHead(plain, bytes.length), seal };
}

async function readHead(
  store: ReadStore,
  image: Pick<ManifestImage, 'index'>,
  signal: AbortSignal | undefined,
): Promise<{ readonly key: string; readonly bytes: Uint8Array }> {
  const key = `indexes/${image.index.sha256}`;
  const bytes = await readOrDamaged(store, key, { offset: 0, length: image.index.head.size }, signal);
  if (sha256Hex(bytes) !== image.index.head.sha256) throw damaged(store, key);
  return { key, bytes };
}

interface KnownPack {
  readonly trailer: Uint8Array;
  /** What is left of a pack that was made smaller. */
  readonly left: readonly PackRange[] | undefined;
}

async function readTrailer(
  store: RemnantReader,
  pack: PackEntry,
  key: ContentKey | undefined,
  signal?: AbortSignal,
): Promise<KnownPack> {
  const name = `packs/${toHex(pack.digest)}`;
  const range = { offset: trailerOffset(pack), length: pack.trailerLength };
  const stored = await readOrDamaged(store, name, range, signal);
  const seal = key?.objectSeal('pack', pack.trailerDigest, name);
  const bytes = openSegment(seal, range.offset, stored);
  if (!equalBytes(sha256(bytes), pack.trailerDigest)) throw damaged(store, name);
  return { trailer: bytes, left: await store.rangesOf(name) };
}

/**
 * A range that must be there, since what refers to it was checked.
 *
 * @throws SiltError DIGEST_MISMATCH when the object is shorter, store errors
 */
export async function readOrDamaged(
  store: ReadStore,
  key: Key,
  range: ByteRange,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  try {
    return await readRange(store, key, range, { signal });
  } catch (error) {
    throw isSiltError(error, 'RANGE_INVALID') ? damaged(store, key, error) : error;
  }
}

function addPack(
  entry: PackEntry,
  { trailer, left }: KnownPack,
  chunks: ChunkTable,
  frames: FrameTable,
  places: BasePlaces | undefined,
): void {
  const pack = frames.openPack(entry);
  for (const frame of decodePackTrailer(trailer, trailerOffset(entry))) {
    if (left !== undefined && !isWithin(left, frame)) continue;
    const number = frames.open();
    frames.place(number, { ...frame, pack });
    let offset = 0;
    frame.chunkLengths.forEach((length, i) => {
      const at = i * DIGEST_BYTES;
      const held = places?.has(entry, frame.offset, offset) ?? false;
      const place = held ? { frame: number, offset, held } : { frame: number, offset };
      const known = chunks.find(frame.chunkIds, at);
      if (known === undefined) chunks.add(frame.chunkIds, at, place);
      else if (places !== undefined && (held || !known.held)) chunks.move(frame.chunkIds, at, place);
      offset += length;
    });
  }
}

/** True where the whole frame lies in one of the ranges. */
export function isWithin(ranges: readonly PackRange[], frame: Pick<PackFrame, 'offset' | 'stored'>): boolean {
  const { offset, stored } = frame;
  return ranges.some((range) => range.offset <= offset && offset + stored <= range.offset + range.length);
}

/** The error for an object that is not what its name or its reader says. */
export function damaged(store: ReadStore, key: string, cause?: unknown): SiltError {
  return new SiltError(
    'DIGEST_MISMATCH',
    `${store.location}: ${key} was altered or truncated; run "silt verify" on the repository`,
    { details: { key }, cause },
  );
}
