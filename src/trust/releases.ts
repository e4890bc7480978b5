/**
 * The seam between the pipeline and trust: publisher and fetcher learn about releases only through these
 * interfaces, and what comes out of them is trusted. Which metadata stands behind them (today the unsigned
 * catalog, `unsigned-releases.ts`) is nobody else's business.
 *
 * @module
 */
import { isSiltError } from '../core/errors.ts';
import type { Manifest, ManifestMembers } from '../format/manifest.ts';

/** Which release of a product: that version, what a channel points to, or the one with the highest counter. */
export type ReleaseSelector =
  | { readonly version: string }
  | { readonly channel: string }
  | { readonly latest: true };

export interface TrustOptions {
  readonly signal?: AbortSignal | undefined;
  /**
   * What was read of the repository's metadata within the last minute will do. What a ledger then writes it writes only
   * if that is still so. Default: it asks what is there at present.
   */
  readonly recent?: boolean | undefined;
}

/** A release, and what else trust knows of it. */
export interface TrustedRelease {
  readonly manifest: Manifest;
  /** The manifest as it is stored, verified. */
  readonly bytes: Uint8Array;
  /** Where it lies; a CMS signature of it lies beside it, at {@link cmsKey}. */
  readonly key: string;
  /** Counters from which a device may go down to this release: a signed exception, for recalls. */
  readonly allowDowngradeFrom: readonly number[];
  /** The time that expiry was held against; where nothing expires there is none. */
  readonly time?: Date;
}

/** Where the detached CMS signature of the manifest at `key` lies. */
export function cmsKey(key: string): string {
  return `${key}.p7s`;
}

/** What a device may ask. */
export interface Releases {
  /**
   * A release, verified.
   *
   * @throws SiltError as {@link Releases.find}
   */
  open(product: string, selector: ReleaseSelector, options?: TrustOptions): Promise<TrustedRelease>;

  /**
   * The manifest of a release, verified.
   *
   * @throws SiltError NOT_A_REPOSITORY, RELEASE_NOT_FOUND (the message names what there is), one of the codes
   *   TRUST_*, MANIFEST_*, CMS_*, CERT_*, CRL_INVALID; FORMAT_INVALID, FORMAT_UNSUPPORTED
   */
  find(product: string, selector: ReleaseSelector, options?: TrustOptions): Promise<Manifest>;
}

/** A release that is not yet in the repository; its counter is given when it is added. */
export type NewRelease = ManifestMembers;

export interface AddOptions extends TrustOptions {
  /** Is set to point at the release. */
  readonly channel?: string | undefined;
  /** Makes the detached CMS signature that is stored beside the manifest, in DER. */
  readonly signManifest?: ((manifest: Uint8Array) => Promise<Uint8Array>) | undefined;
}

export interface PointOptions extends TrustOptions {
  /** Versions of the product from which devices may go down to this one; replaces what was allowed before. */
  readonly allowDowngradeFrom?: readonly string[] | undefined;
}

/** A release that a repository lists, for whoever keeps the repository in order. */
export interface HeldRelease {
  readonly manifest: Manifest;
  /** Where the manifest lies; a CMS signature of it may lie beside it, at {@link cmsKey}. */
  readonly key: string;
  /** Those that point at it. */
  readonly channels: readonly string[];
}

/** All that a repository refers to, at one moment. */
export interface RepositorySurvey {
  /** Another one whenever the repository lists something else. */
  readonly state: string;
  /** Every release of every product. */
  readonly releases: AsyncIterable<HeldRelease>;
  /** The version that counts of each file `metadata/<version>.<name>.json`, by `<name>`; `root` is not among them. */
  readonly metadata: ReadonlyMap<string, number>;
}

/** What a publisher may ask. */
export interface ReleaseLedger extends Releases {
  /** Every release of every product, oldest first; none in a repository that does not exist yet. */
  all(options?: TrustOptions): AsyncIterable<Manifest>;

  /** The last releases of a product by counter, `count` at most, the newest first; none where there is none yet. */
  newest(product: string, count: number, options?: TrustOptions): Promise<readonly Manifest[]>;

  /**
   * Throws now what {@link ReleaseLedger.add} would throw for want of keys; stores nothing.
   *
   * @throws SiltError SIGNATURES_MISSING, TRUST_NO_DELEGATION
   */
  requireReady(product: string, options?: TrustOptions): Promise<void>;

  /**
   * Makes a release visible, in one step and only when all of its objects are stored. Safe when other
   * publishers do the same at the same time.
   *
   * @throws SiltError RELEASE_EXISTS when the version is taken, CONFLICT after losing too many races,
   *   SIGNATURES_MISSING when the keys at hand do not suffice
   */
  add(release: NewRelease, options?: AddOptions): Promise<Manifest>;

  /**
   * Points a channel at a release that is visible already.
   *
   * @throws SiltError NOT_A_REPOSITORY, RELEASE_NOT_FOUND, CONFLICT after losing too many races
   */
  point(product: string, channel: string, version: string, options?: PointOptions): Promise<void>;

  /**
   * What the repository refers to, verified.
   *
   * @throws SiltError as {@link Releases.find}; what a release is refused for only once it is reached
   */
  survey(options?: TrustOptions): Promise<RepositorySurvey>;

  /**
   * Takes releases out of the metadata, so that no device is offered them; their objects stay. A release that a
   * channel points at by then stays listed, and so does the latest, from whose counter the next one follows.
   *
   * @returns the versions that were taken out, or that a stage takes out
   * @throws SiltError NOT_A_REPOSITORY, CONFLICT after losing too many races, SIGNATURES_MISSING, TRUST_*
   */
  remove(product: string, versions: readonly string[], options?: TrustOptions): Promise<readonly string[]>;
}

/** Those of `entries` that {@link ReleaseLedger.remove} may take out of a product's list. */
export function removable<T extends { readonly version: string; readonly counter: number }>(
  entries: readonly T[],
  versions: readonly string[],
  isPointedAt: (entry: T) => boolean,
): T[] {
  const latest = entries.reduce((highest, { counter }) => Math.max(highest, counter), 0);
  const wanted = new Set(versions);
  return entries.filter(
    (entry) => wanted.has(entry.version) && entry.counter !== latest && !isPointedAt(entry),
  );
}

/** True for a conflict with somebody else, of a write that may have been carried out before: `store/store.ts`. */
export function isUnheardConflict(error: unknown): boolean {
  return isSiltError(error, 'CONFLICT') && error.details.answerLost === true;
}

/** What trust needs of a store to read metadata; every ReadStore has it. */
export interface MetadataReader {
  readonly location: string;
  get(
    key: string,
    options: { readonly maxBytes: number; readonly signal?: AbortSignal; readonly fresh?: boolean },
  ): Promise<{ readonly bytes: Uint8Array; readonly etag?: string } | undefined>;
}

/** And to write it; every Store has it. */
export interface MetadataWriter extends MetadataReader {
  putIfAbsent(key: string, bytes: Uint8Array): Promise<'created' | 'exists'>;
  putIfMatch(key: string, bytes: Uint8Array, etag: string | undefined): Promise<string>;
}
