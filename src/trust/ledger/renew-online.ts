/**
 * Timestamp and snapshot signed anew, so that devices can tell a repository where nothing is new from one that
 * somebody keeps from them (TUF 1.0, §1.5.2: freeze attacks).
 *
 * @module
 */

import { delegatedProducts } from '../tuf/product-releases.ts';
import { productRole } from '../tuf/product-roles.ts';
import { changeRepository } from './change-repository.ts';
import { type LiveMetadata, type RepositoryAccess, readLive } from './live-metadata.ts';
import { partOf, rfc3339, siltOf } from './metadata-parts.ts';

export interface RoleLife {
  readonly role: string;
  readonly version: number;
  readonly expires: string;
}

export interface RenewalReport {
  readonly timestamp: RoleLife;
  readonly snapshot: RoleLife;
  /** Roles whose keys are elsewhere and that expire within {@link SOON_DAYS} days. */
  readonly expiring: readonly RoleLife[];
}

/** Enough to fetch the offline keys. */
const SOON_DAYS = 30;
const DAY_MS = 86_400_000;

/** @throws SiltError SIGNATURES_MISSING, CONFLICT, TRUST_* */
export async function renewOnline(access: RepositoryAccess, signal?: AbortSignal): Promise<RenewalReport> {
  await changeRepository(access, async (live) => ({ renewSnapshot: isHalfOver(live) }), signal);
  const { trusted, time } = await readLive(access, signal);
  const soon = rfc3339(new Date(time.getTime() + SOON_DAYS * DAY_MS));
  const roles = [lifeOf('root', trusted.root), lifeOf('targets', trusted.targets)];
  for (const product of delegatedProducts(trusted)) {
    const role = productRole(product);
    const metadata = await trusted.delegated(role);
    if (metadata !== undefined) roles.push(lifeOf(role, metadata));
  }
  return {
    timestamp: lifeOf('timestamp', trusted.timestamp),
    snapshot: lifeOf('snapshot', trusted.snapshot),
    expiring: roles.filter(({ expires }) => expires < soon),
  };
}

function isHalfOver({ trusted, time }: LiveMetadata): boolean {
  if (trusted === undefined) return true;
  const part = partOf(trusted.snapshot);
  const created = Date.parse(String(siltOf(part).created));
  // Metadata that does not say is of somebody else; a snapshot more does no harm.
  return !(time.getTime() < (created + Date.parse(part.expires)) / 2);
}

/** Version and expiry of a role. */
export function lifeOf(
  role: string,
  { signed }: { readonly signed: { readonly version: number; readonly expires: string } },
): RoleLife {
  return { role, version: signed.version, expires: signed.expires };
}
