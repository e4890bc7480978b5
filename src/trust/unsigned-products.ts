/**
 * What an unsigned repository holds, as its catalog lists it: for people who look around and for checks of
 * the whole repository. A device never asks.
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';
import { CATALOG_KEY, decodeCatalog } from '../format/catalog.ts';
import { MAX_CATALOG } from '../format/limits.ts';
import type { MetadataReader, TrustOptions } from './releases.ts';

/** A product and its releases, oldest first. */
export interface ProductListing {
  readonly product: string;
  /** Version that each channel points to. */
  readonly channels: Readonly<Record<string, string>>;
  readonly releases: readonly { readonly version: string; readonly counter: number }[];
}

/**
 * Every product of the repository.
 *
 * @throws SiltError NOT_A_REPOSITORY, FORMAT_INVALID, FORMAT_UNSUPPORTED
 */
export async function listProducts(
  store: MetadataReader,
  { signal }: TrustOptions = {},
): Promise<ProductListing[]> {
  const object = await store.get(CATALOG_KEY, { maxBytes: MAX_CATALOG, ...(signal && { signal }) });
  if (object === undefined) {
    throw new SiltError(
      'NOT_A_REPOSITORY',
      `${store.location} is not a silt repository: it has no ${CATALOG_KEY}; check --repo`,
      { details: { location: store.location } },
    );
  }
  return Object.entries(decodeCatalog(object.bytes).products).map(([product, { channels, releases }]) => ({
    product,
    channels,
    releases: releases
      .map(({ version, counter }) => ({ version, counter }))
      .sort((a, b) => a.counter - b.counter),
  }));
}
