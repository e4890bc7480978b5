/**
 * The releases of one product in trusted metadata: the newest in its role, the rest in its archive, which is
 * only looked at when it is needed.
 *
 * @module
 */
import type { Metadata, Targets } from '@tufjs/models';
import { SiltError } from '../../core/errors.ts';
import type { ReleaseSelector } from '../releases.ts';
import type { TrustedMetadata } from './client.ts';
import { isDelegated } from './delegated-paths.ts';
import { type ListedRelease, listedReleases } from './listed-releases.ts';
import { archiveRole, isArchive, productOfRole, productRole } from './product-roles.ts';

/** Products that top-level targets delegates, in its order. */
export function delegatedProducts({ targets }: TrustedMetadata): string[] {
  return Object.values(targets.signed.delegations?.roles ?? {}).flatMap(({ name }) => {
    const product = isArchive(name) ? undefined : productOfRole(name);
    return product === undefined ? [] : [product];
  });
}

/**
 * The release that `selector` means.
 *
 * @param location of the repository, for messages
 * @throws SiltError TRUST_NO_DELEGATION, RELEASE_NOT_FOUND, TRUST_MALFORMED; as `refresh` of client.ts
 */
export async function selectRelease(
  trusted: TrustedMetadata,
  product: string,
  selector: ReleaseSelector,
  location: string,
): Promise<ListedRelease> {
  const recent = await recentReleases(trusted, product, location);
  if ('latest' in selector) {
    const latest = recent.at(-1);
    if (latest === undefined) throw notFound(`release of "${product}"`, [], location);
    return latest;
  }
  if ('channel' in selector) {
    const { channel } = selector;
    const pointed = recent.find(({ channels }) => channels.includes(channel));
    if (pointed !== undefined) return pointed;
    const channels = recent.flatMap((release) => release.channels);
    throw notFound(`channel "${channel}" of "${product}"`, channels.sort(), location);
  }
  const { version } = selector;
  const found = recent.find((release) => release.version === version);
  if (found !== undefined) return found;
  const archived = await archivedReleases(trusted, product);
  const older = archived.find((release) => release.version === version);
  if (older !== undefined) return older;
  const versions = [...archived, ...recent].map((release) => release.version);
  throw notFound(`version "${version}" of "${product}"`, versions, location);
}

/**
 * The releases in the product's own role, oldest first; every one that a channel points at is among them.
 *
 * @throws SiltError TRUST_NO_DELEGATION, TRUST_MALFORMED; as `refresh` of client.ts
 */
export async function recentReleases(
  trusted: TrustedMetadata,
  product: string,
  location: string,
): Promise<ListedRelease[]> {
  const products = delegatedProducts(trusted);
  if (!products.includes(product)) {
    throw new SiltError(
      'TRUST_NO_DELEGATION',
      `${location}: nobody is trusted to sign releases of "${product}"; products here: ${list(products)}`,
      { details: { location, product } },
    );
  }
  const role = productRole(product);
  const metadata = await trusted.delegated(role);
  return metadata === undefined ? [] : releasesIn(trusted.targets, metadata, role, product);
}

/**
 * The releases in the product's archive, oldest first.
 *
 * @throws SiltError TRUST_MALFORMED; as `refresh` of client.ts
 */
export async function archivedReleases(trusted: TrustedMetadata, product: string): Promise<ListedRelease[]> {
  const parent = await trusted.delegated(productRole(product));
  const role = archiveRole(product);
  const metadata = parent && (await trusted.delegated(role, productRole(product)));
  return metadata === undefined ? [] : releasesIn(parent as Metadata<Targets>, metadata, role, product);
}

/** Those whose paths are delegated to `role`: what else it lists it may not sign (TUF 1.0, §5.6.7). */
function releasesIn(
  parent: Metadata<Targets>,
  metadata: Metadata<Targets>,
  role: string,
  product: string,
): ListedRelease[] {
  const delegation = parent.signed.delegations?.roles?.[role];
  if (delegation === undefined) return [];
  return listedReleases(metadata, role, product).filter(({ target }) => isDelegated(delegation, target.path));
}

function notFound(what: string, known: readonly string[], location: string): SiltError {
  return new SiltError('RELEASE_NOT_FOUND', `${location} has no ${what}; there is: ${list(known)}`, {
    details: { location },
  });
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.slice(-10).join(', ');
}
