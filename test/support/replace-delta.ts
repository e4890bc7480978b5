/**
 * Putting another delta in the place of the one that a release has.
 *
 * @module
 */
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { sha256Hex } from '../../src/core/digest.ts';
import { CATALOG_KEY, decodeCatalog, encodeCatalog, manifestKey } from '../../src/format/catalog.ts';
import { type DeltaHeadRecord, encodeDeltaHead } from '../../src/format/delta-file.ts';
import { tagOf } from '../../src/format/frame.ts';
import { MAX_CATALOG } from '../../src/format/limits.ts';
import { encodeManifest } from '../../src/format/manifest.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { openReleases } from '../../src/trust/unsigned-releases.ts';
import { PRODUCT } from './release-repository.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** What a window of the new delta is. */
export type ReplacedWindow =
  | Exclude<DeltaHeadRecord['windows'][number]['source'], { readonly kind: 'coded' }>
  | { readonly kind: 'coded'; readonly payload: Uint8Array; readonly transform?: number };

export interface Replacement {
  readonly head: Omit<DeltaHeadRecord, 'windows'>;
  readonly windows: readonly { readonly length: number; readonly source: ReplacedWindow }[];
}

/**
 * A copy of `repository` whose latest release has this delta alone.
 *
 * @param size of the delta as the manifest has it; what it is unless told otherwise
 */
export async function replaceDelta(
  t: ExecutionContext<unknown>,
  repository: string,
  { head, windows }: Replacement,
  size?: number,
): Promise<string> {
  const copy = join(await temporaryDirectory(t), 'repository');
  await cp(repository, copy, { recursive: true });
  const payloads = windows.flatMap(({ source }) => (source.kind === 'coded' ? [source.payload] : []));
  const records = windows.map(({ length, source }) => {
    if (source.kind !== 'coded') return { length, check: undefined, source };
    const payload = { length: source.payload.length, tag: tagOf(source.payload) };
    return {
      length,
      check: undefined,
      source: { kind: 'coded' as const, transform: source.transform ?? 0, payload },
    };
  });
  const front = encodeDeltaHead({ ...head, windows: records });
  const bytes = Buffer.concat([front, ...payloads]);
  const sha256 = sha256Hex(bytes);
  await put(copy, `deltas/${sha256}`, bytes);
  await changeLatest(copy, {
    base: { sha256: Buffer.from(head.base.digest).toString('hex'), size: head.base.size },
    sha256,
    size: size ?? bytes.length,
    head: { sha256: sha256Hex(front), size: front.length },
  });
  return copy;
}

async function put(repository: string, key: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(join(repository, key)), { recursive: true });
  await writeFile(join(repository, key), bytes);
}

type Deltas = NonNullable<Parameters<typeof encodeManifest>[0]['images'][number]['deltas']>;

async function changeLatest(repository: string, delta: Deltas[number]): Promise<void> {
  const store = await openDirectoryStore(repository);
  const manifest = await openReleases(store).find(PRODUCT, { latest: true });
  const images = manifest.images.map((image) => ({ ...image, deltas: [delta] }));
  const bytes = encodeManifest({ ...manifest, images });
  const record = {
    version: manifest.version,
    counter: manifest.counter,
    sha256: sha256Hex(bytes),
    size: bytes.length,
  };
  const object = await store.get(CATALOG_KEY, { maxBytes: MAX_CATALOG });
  const catalog = decodeCatalog(object?.bytes ?? new Uint8Array());
  const entry = catalog.products[PRODUCT] ?? { channels: {}, releases: [] };
  const releases = entry.releases.map((other) => (other.version === record.version ? record : other));
  await put(repository, manifestKey(PRODUCT, record), bytes);
  const products = { ...catalog.products, [PRODUCT]: { ...entry, releases } };
  await put(repository, CATALOG_KEY, encodeCatalog({ ...catalog, products }));
}
