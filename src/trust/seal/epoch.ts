/**
 * Which epoch a new release of a product is sealed in. Pure.
 *
 * All releases of an epoch have one content key, so that they share chunks; whoever was a recipient of one of
 * them can read all of them. So a new epoch begins as soon as anybody who holds the key is left out, and not
 * before. docs/format/sealing.md §5.
 *
 * @module
 */
import type { Sealing } from '../../format/manifest.ts';

/** A sealed release of the product, and who its envelope is for. */
export interface SealedRelease {
  readonly sealing: Sealing;
  readonly recipientIds: readonly string[];
}

export interface Epoch {
  readonly epoch: number;
  /** Of the last release of this epoch with just these recipients: it does for the new one as well. */
  readonly envelope: Sealing['envelope'] | undefined;
}

/** The releases of the highest epoch: those that {@link chooseEpoch} looks at. */
export function ofLastEpoch<T extends { readonly sealing: Sealing }>(releases: readonly T[]): T[] {
  const last = releases.reduce((max, { sealing }) => Math.max(max, sealing.epoch), 0);
  return releases.filter(({ sealing }) => sealing.epoch === last);
}

/**
 * The epoch of the next release.
 *
 * @param releases of the product, those of the last epoch at least, in any order
 * @param recipientIds of the next release
 * @param keyIdOf what a manifest says of the content key of an epoch; another master secret has other keys
 */
export function chooseEpoch(
  releases: readonly SealedRelease[],
  recipientIds: readonly string[],
  keyIdOf: (epoch: number) => string,
): Epoch {
  const current = ofLastEpoch(releases);
  const epoch = current[0]?.sealing.epoch;
  if (epoch === undefined) return { epoch: 1, envelope: undefined };
  const wanted = new Set(recipientIds);
  const goesOn = current.every(
    (release) =>
      release.sealing.keyId === keyIdOf(epoch) && release.recipientIds.every((id) => wanted.has(id)),
  );
  if (!goesOn) return { epoch: epoch + 1, envelope: undefined };
  // None of them has a recipient that is not wanted, so one with as many has the same.
  const same = current.findLast((release) => new Set(release.recipientIds).size === wanted.size);
  return { epoch, envelope: same?.sealing.envelope };
}
