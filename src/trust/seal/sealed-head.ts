/**
 * The head of an index or a delta, sealed or not: the one place where readers tell the two apart.
 *
 * @module
 */
import { decodeSealedFront, type FrontedKind, SEALED_FRONT_BYTES } from '../../format/sealed-front.ts';
import type { ContentKey, ObjectSeal } from './content-key.ts';

export interface OpenedHead {
  /** As the codec of the format takes it. What follows it in the object begins where the stored head ends. */
  readonly plain: Uint8Array;
  /** Opens what follows it; `undefined` where nothing is sealed. */
  readonly seal: ObjectSeal | undefined;
}

/**
 * Opens a head.
 *
 * @param stored the front of the object, as long as its manifest says, its digest checked
 * @param key of the release; `undefined` when it is not sealed
 * @param name what errors call the object
 * @throws SiltError SEAL_BROKEN, FORMAT_INVALID, FORMAT_UNSUPPORTED
 */
export function openHead(
  kind: FrontedKind,
  stored: Uint8Array,
  key: ContentKey | undefined,
  name: string,
): OpenedHead {
  if (key === undefined) return { plain: stored, seal: undefined };
  const seal = key.objectSeal(kind, decodeSealedFront(kind, stored), name);
  return { plain: seal.open(SEALED_FRONT_BYTES, stored.subarray(SEALED_FRONT_BYTES)), seal };
}

/** A segment as it was before it was sealed, if it was. @throws SiltError SEAL_BROKEN */
export function openSegment(seal: ObjectSeal | undefined, offset: number, stored: Uint8Array): Uint8Array {
  return seal === undefined ? stored : seal.open(offset, stored);
}
