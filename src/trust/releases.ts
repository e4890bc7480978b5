/**
 * The seam between the pipeline and trust: publisher and fetcher learn about releases only through these
 * interfaces, and what comes out of them is trusted. Which metadata stands behind them (today the unsigned
 * catalog, `unsigned-releases.ts`) is nobody else's business.
 *
 * @module
 */
import type { Manifest } from '../format/manifest.ts';

/** Which release of a product: that version, what a channel points to, or the one with the highest counter. */
export type ReleaseSelector =
  | { readonly version: string }
  | { readonly channel: string }
  | { readonly latest: true };

export interface TrustOptions {
  readonly signal?: AbortSignal | undefined;
}

/** What a device may ask. */
export interface Releases {
  /**
   * The manifest of a release, verified.
   *
   * @throws SiltError NOT_A_REPOSITORY, RELEASE_NOT_FOUND (the message names what there is), TRUST_FAILED,
   *   FORMAT_INVALID, FORMAT_UNSUPPORTED
   */
  find(product: string, selector: ReleaseSelector, options?: TrustOptions): Promise<Manifest>;
}

/** A release that is not yet in the repository; its counter is given when it is added. */
export type NewRelease = Omit<Manifest, 'format' | 'formatVersion' | 'counter'>;

/** What a publisher may ask. */
export interface ReleaseLedger extends Releases {
  /** Every release of every product, oldest first; none in a repository that does not exist yet. */
  all(options?: TrustOptions): AsyncIterable<Manifest>;

  /**
   * Makes a release visible, in one step and only when all of its objects are stored. Safe when other
   * publishers do the same at the same time.
   *
   * @param channel is set to point at the release
   * @throws SiltError RELEASE_EXISTS when the version is taken, CONFLICT after losing too many races
   */
  add(
    release: NewRelease,
    options?: TrustOptions & { readonly channel?: string | undefined },
  ): Promise<Manifest>;

  /**
   * Points a channel at a release that is visible already.
   *
   * @throws SiltError NOT_A_REPOSITORY, RELEASE_NOT_FOUND, CONFLICT after losing too many races
   */
  point(product: string, channel: string, version: string, options?: TrustOptions): Promise<void>;
}

/** What trust needs of a store to read metadata; every ReadStore has it. */
export interface MetadataReader {
  readonly location: string;
  get(
    key: string,
    options: { readonly maxBytes: number; readonly signal?: AbortSignal },
  ): Promise<{ readonly bytes: Uint8Array; readonly etag?: string } | undefined>;
}

/** And to write it; every Store has it. */
export interface MetadataWriter extends MetadataReader {
  putIfAbsent(key: string, bytes: Uint8Array): Promise<'created' | 'exists'>;
  putIfMatch(key: string, bytes: Uint8Array, etag: string | undefined): Promise<string>;
}
