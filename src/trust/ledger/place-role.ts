/**
 * One version of a role into the store. Stored objects never change, so a number that a racing or a killed
 * publisher has used is passed over; versions of all roles but root may skip numbers.
 *
 * @module
 */
import { equalBytes } from '../../core/bytes.ts';
import { sha256Hex } from '../../core/digest.ts';
import { SiltError } from '../../core/errors.ts';
import type { Signer } from '../keys/signer.ts';
import type { MetadataReader, MetadataWriter } from '../releases.ts';
import type { RoleSigners } from '../tuf/check-signatures.ts';
import type { Envelope } from '../tuf/envelope.ts';
import { MAX_TARGETS } from '../tuf/limits.ts';
import { metadataKey } from '../tuf/role-files.ts';
import type { DraftRole } from './draft.ts';
import { encodeEnvelope, type FileEntry, stamped, unsigned } from './metadata-parts.ts';
import { addSignatures, missingOf, requireNoneMissing } from './sign-envelope.ts';

export interface Placing {
  readonly store: MetadataWriter;
  readonly signers: readonly Signer[];
  readonly time: Date;
  /** Life of the role, in days. */
  readonly days: number;
  /** Each must be met. */
  readonly rings: readonly RoleSigners[];
  /** Also signed by those at hand of these. */
  readonly oldRing?: RoleSigners | undefined;
  /** The lowest version that may be taken. */
  readonly first: number;
}

/** A role that is stored. */
export interface Placed {
  readonly role: string;
  readonly envelope: Envelope;
  readonly entry: FileEntry & { readonly version: number };
}

/** Numbers tried; the last ones lie far apart, for a snapshot that begins anew among a thousand old ones. */
const MAX_NUMBERS = 40;
/** Tried one by one. */
const NEAR_NUMBERS = 8;

/** Where to look for a free number, beginning with `first`. */
export function* numbersFrom(first: number): Generator<number> {
  let version = first;
  for (let tried = 0; tried < MAX_NUMBERS; tried += 1) {
    yield version;
    version += tried < NEAR_NUMBERS ? 1 : 2 ** (tried - NEAR_NUMBERS);
  }
}

/**
 * Dates, numbers, signs and stores the role.
 *
 * @throws SiltError SIGNATURES_MISSING; CONFLICT when a staged version is taken by another one
 */
export async function placeRole(draft: DraftRole, placing: Placing): Promise<Placed> {
  const { role, part, staged } = draft;
  const { store, time, days } = placing;
  if (staged !== undefined) return await placeFixed(role, part.version, staged, placing);
  for (const version of numbersFrom(placing.first)) {
    const { envelope, bytes } = await signed(role, unsigned(stamped(part, version, time, days)), placing);
    if ((await store.putIfAbsent(metadataKey(role, version), bytes)) === 'created') {
      return { role, envelope, entry: entryOf(version, bytes) };
    }
  }
  throw taken(role, placing.first);
}

/** A version that cannot be another one: staged, or one of root (TUF 1.0, §5.3.5). */
export async function placeFixed(
  role: string,
  version: number,
  envelope: Envelope,
  placing: Placing,
): Promise<Placed> {
  const { store } = placing;
  const key = metadataKey(role, version);
  const done = await signed(role, envelope, placing);
  if ((await store.putIfAbsent(key, done.bytes)) === 'exists') {
    // Killed after this, the same stage is released again.
    const there = await store.get(key, { maxBytes: MAX_TARGETS });
    if (there === undefined || !equalBytes(there.bytes, done.bytes)) throw taken(role, version);
  }
  return { role, envelope: done.envelope, entry: entryOf(version, done.bytes) };
}

/** Signs without storing. @throws SiltError SIGNATURES_MISSING */
export async function signed(
  role: string,
  envelope: Envelope,
  { rings, oldRing, signers }: Pick<Placing, 'rings' | 'oldRing' | 'signers'>,
): Promise<{ readonly envelope: Envelope; readonly bytes: Uint8Array }> {
  const all = oldRing === undefined ? rings : [...rings, oldRing];
  const done = await addSignatures(envelope, all, signers);
  requireNoneMissing(rings.flatMap((ring) => missingOf(done, ring) ?? []));
  return { envelope: done, bytes: encodeEnvelope(role, done) };
}

/** The first version from `first` on that nobody has stored. */
export async function freeVersion(store: MetadataReader, role: string, first: number): Promise<number> {
  for (const version of numbersFrom(first)) {
    if ((await store.get(metadataKey(role, version), { maxBytes: MAX_TARGETS })) === undefined)
      return version;
  }
  throw taken(role, first);
}

function entryOf(version: number, bytes: Uint8Array): Placed['entry'] {
  return { version, length: bytes.length, hashes: { sha256: sha256Hex(bytes) } };
}

function taken(role: string, version: number): SiltError {
  return new SiltError(
    'CONFLICT',
    `version ${version} of ${role} was stored by somebody else; run again, or stage the change again`,
    { details: { role, version } },
  );
}
