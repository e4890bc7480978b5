/**
 * Earlier releases that deltas start from, and local copies of their images.
 *
 * @module
 */
import { toHex } from '../core/digest.ts';
import { isSiltError, SiltError } from '../core/errors.ts';
import { MAX_IMAGE_DELTAS, MAX_MANIFEST } from '../format/limits.ts';
import type { Manifest, ManifestImage } from '../format/manifest.ts';
import type { WorkerPool } from '../pool/pool.ts';
import type { ReleaseLedger, TrustOptions } from '../trust/releases.ts';
import { SteadyImage } from './steady-image.ts';

/** Which releases to make deltas from: by version, or the last of the product, by counter. */
export type BaseSelector = { readonly versions: readonly string[] } | { readonly last: number };

/** A local copy of an image of an earlier release. */
export interface BaseCopy {
  /** Name of the image in its release. */
  readonly name: string;
  readonly path: string;
}

/** An image of an earlier release, and every release, newest first, that has it under this name. */
export interface BaseImage {
  readonly image: ManifestImage;
  /** The newest of them. */
  readonly release: Manifest;
  readonly versions: readonly string[];
}

/**
 * The manifests of the releases that `selector` names, the newest first.
 *
 * @throws SiltError RELEASE_NOT_FOUND for a version that there is not, USAGE for too many
 */
export async function findBases(
  ledger: ReleaseLedger,
  product: string,
  selector: BaseSelector,
  options: TrustOptions,
): Promise<Manifest[]> {
  const count = 'last' in selector ? selector.last : selector.versions.length;
  if (count > MAX_IMAGE_DELTAS) {
    throw new SiltError('USAGE', `expected at most ${MAX_IMAGE_DELTAS} releases as bases, found ${count}`);
  }
  const found =
    'last' in selector
      ? [...(selector.last === 0 ? [] : await ledger.newest(product, selector.last, options))]
      : await Promise.all(
          [...new Set(selector.versions)].map((version) => findBase(ledger, product, version, options)),
        );
  return found.sort((a, b) => b.counter - a.counter);
}

async function findBase(
  ledger: ReleaseLedger,
  product: string,
  version: string,
  options: TrustOptions,
): Promise<Manifest> {
  try {
    return await ledger.find(product, { version }, options);
  } catch (error) {
    if (!isSiltError(error, 'NOT_A_REPOSITORY')) throw error;
    throw new SiltError(
      'RELEASE_NOT_FOUND',
      `there is no release ${product} ${version} to make a delta from: the repository is empty`,
      { details: { product, version }, cause: error },
    );
  }
}

/** The different images called `name` in `bases`, the newest first. */
export function baseImages(bases: readonly Manifest[], name: string): BaseImage[] {
  const found = new Map<string, { image: ManifestImage; release: Manifest; versions: string[] }>();
  for (const release of bases) {
    const image = release.images.find((candidate) => candidate.name === name);
    if (image === undefined) continue;
    const known = found.get(image.sha256);
    if (known === undefined) found.set(image.sha256, { image, release, versions: [release.version] });
    else known.versions.push(release.version);
  }
  return [...found.values()];
}

/** Bytes of an image and of a delta in a manifest, at most about. */
const MANIFEST_IMAGE_BYTES = 512;
const MANIFEST_DELTA_BYTES = 400;

/**
 * Holds the manifest to its limit before any work is done.
 *
 * @param names of the images that are to be published
 * @throws SiltError USAGE
 */
export function requireRoom(bases: readonly Manifest[], names: readonly string[]): void {
  const deltas = names.reduce((sum, name) => sum + baseImages(bases, name).length, 0);
  if (names.length * MANIFEST_IMAGE_BYTES + deltas * MANIFEST_DELTA_BYTES <= MAX_MANIFEST) return;
  throw new SiltError(
    'USAGE',
    `expected fewer deltas: a manifest has no room for ${deltas} of them; name fewer bases`,
    { details: { deltas } },
  );
}

/**
 * Opens local copies: each must be the image of its name in one of `bases`.
 *
 * @returns by the SHA-256 of the image
 * @throws SiltError USAGE when no base has an image of that name, DIGEST_MISMATCH, IMAGE_UNREADABLE
 */
export async function openCopies(
  bases: readonly Manifest[],
  copies: readonly BaseCopy[],
  pool: WorkerPool,
): Promise<AsyncDisposable & { readonly byDigest: ReadonlyMap<string, SteadyImage> }> {
  await using stack = new AsyncDisposableStack();
  const byDigest = new Map<string, SteadyImage>();
  for (const { name, path } of copies) {
    const candidates = baseImages(bases, name);
    if (candidates.length === 0) {
      throw new SiltError(
        'USAGE',
        `--base-image ${name}=${path}: no base release has an image of that name`,
        {
          details: { name, path },
        },
      );
    }
    const copy = stack.use(SteadyImage.open(path));
    byDigest.set(await digestOfCopy(copy, name, candidates, pool), copy);
  }
  const owned = stack.move();
  return { byDigest, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function digestOfCopy(
  { file }: SteadyImage,
  name: string,
  candidates: readonly BaseImage[],
  pool: WorkerPool,
): Promise<string> {
  const wanted = candidates.map(({ image, versions }) => `${versions[0]} (${image.size} bytes)`).join(', ');
  const mismatch = (found: string, details: { expected: string | number; found: string | number }) =>
    new SiltError(
      'DIGEST_MISMATCH',
      `${file.path}: expected the image ${name} of ${wanted}, found ${found}; name the right file, or none to have it rebuilt from the repository`,
      { details: { path: file.path, ...details } },
    );
  // Another size is told without reading it.
  const [first] = candidates as [BaseImage];
  if (!candidates.some(({ image }) => image.size === file.size)) {
    throw mismatch(`${file.size} bytes`, { expected: first.image.size, found: file.size });
  }
  const sha256 = toHex(
    await pool.digests({ path: file.path, offsets: Float64Array.of(0), lengths: Float64Array.of(file.size) }),
  );
  if (!candidates.some(({ image }) => image.sha256 === sha256)) {
    throw mismatch('other bytes', { expected: first.image.sha256, found: sha256 });
  }
  return sha256;
}
