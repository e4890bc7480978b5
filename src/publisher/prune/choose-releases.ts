/**
 * Which releases a prune takes out, of which products; a rule that fits nothing is a slip of the pen.
 *
 * @module
 */
import { SiltError } from '../../core/errors.ts';
import { type KeepRules, releasesToRemove } from './keep-releases.ts';
import type { MarkedRelease } from './marked-releases.ts';

/**
 * The releases to take out, of `product` or of every product.
 *
 * @param location of the repository, for messages
 * @throws SiltError RELEASE_NOT_FOUND for a product, channel or version to keep that there is not
 */
export function chooseReleases(
  all: readonly MarkedRelease[],
  { product, keep }: { readonly product?: string | undefined; readonly keep?: KeepRules | undefined },
  location: string,
): MarkedRelease[] {
  const releases = all.filter((release) => product === undefined || release.product === product);
  if (product !== undefined && releases.length === 0) throw notFound(location, `product "${product}"`);
  if (keep === undefined) return [];
  for (const version of keep.versions) {
    const isThere = releases.some((release) => release.version === version);
    if (!isThere) throw notFound(location, `version "${version}"`);
  }
  for (const channel of keep.channels) {
    const isThere = releases.some(({ channels }) => channels.includes(channel));
    if (!isThere) throw notFound(location, `channel "${channel}"`);
  }
  const products = Map.groupBy(releases, (release) => release.product);
  return [...products.values()].flatMap((ofProduct) => releasesToRemove(ofProduct, keep));
}

function notFound(location: string, what: string): SiltError {
  return new SiltError('RELEASE_NOT_FOUND', `${location} has no ${what} to keep; nothing was changed`, {
    details: { location },
  });
}
