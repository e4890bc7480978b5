/**
 * Which releases the devices have that will take a new one, as far as a publisher can tell.
 *
 * @module
 */
import { isSiltError } from '../core/errors.ts';
import type { Manifest } from '../format/manifest.ts';
import type { ReleaseLedger, TrustOptions } from '../trust/releases.ts';
import type { PublishOptions } from './publish.ts';

/** What a publisher says of the release. */
export type NextRelease = Pick<PublishOptions, 'product' | 'channel' | 'bases'>;

/**
 * The bases, where they were named by version, else the one that the channel points at: a branch that is kept up beside
 * a newer one goes on from its own. None when neither is known, which stands for the newest release.
 *
 * @param bases releases that deltas will be made from
 * @throws SiltError as {@link ReleaseLedger.find}, but for a channel or a repository that is not there yet
 */
export async function releasesBefore(
  ledger: Pick<ReleaseLedger, 'find'>,
  { product, channel, bases: selector }: NextRelease,
  bases: readonly Manifest[],
  options: TrustOptions,
): Promise<readonly Manifest[]> {
  if (selector !== undefined && 'versions' in selector) return bases;
  if (channel === undefined) return [];
  try {
    return [await ledger.find(product, { channel }, options)];
  } catch (error) {
    if (isSiltError(error, 'RELEASE_NOT_FOUND') || isSiltError(error, 'NOT_A_REPOSITORY')) return [];
    throw error;
  }
}
