/**
 * What an unsigned repository holds, as its catalog lists it: for people who look around and for checks of
 * the whole repository. A device never asks.
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';
import { CATALOG_KEY } from '../format/catalog.ts';
import type { ProductListing } from './product-listing.ts';
import { readCatalog } from './read-catalog.ts';
import type { MetadataReader, TrustOptions } from './releases.ts';

export type { ProductListing };

/**
 * Every product of the repository.
 *
 * @throws SiltError NOT_A_REPOSITORY, FORMAT_INVALID, FORMAT_UNSUPPORTED
 */
export async function listProducts(
  store: MetadataReader,
  { signal }: TrustOptions = {},
): Promise<ProductListing[]> {
  const found = await readCatalog(store, signal);
  if (found === undefined) {
    throw new SiltError(
      'NOT_A_REPOSITORY',
      `${store.location} is not a silt repository: it has no ${CATALOG_KEY}; check --repo`,
      { details: { location: store.location } },
    );
  }
  return Object.entries(found.catalog.products).map(([product, { channels, releases }]) => ({
    product,
    channels,
    releases: releases
      .map(({ version, counter }) => ({ version, counter }))
      .sort((a, b) => a.counter - b.counter),
  }));
}
