/**
 * What a repository holds, for people who look around and for checks of the whole repository. A device never
 * asks.
 *
 * @module
 */

/** A product and its releases, oldest first. */
export interface ProductListing {
  readonly product: string;
  /** Version that each channel points to. */
  readonly channels: Readonly<Record<string, string>>;
  readonly releases: readonly { readonly version: string; readonly counter: number }[];
}
