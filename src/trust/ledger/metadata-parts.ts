/**
 * What silt signs, as plain JSON: the signed parts of the roles (TUF 1.0, §4.3 to §4.6), their life, and how an
 * envelope becomes a file. The models of `@tufjs/models` are for reading; these are for writing.
 *
 * @module
 */
import type { Metadata, Root, Snapshot, Targets, Timestamp } from '@tufjs/models';
import { SiltError } from '../../core/errors.ts';
import { canonicalJson, type Json } from '../../format/canonical-json.ts';
import type { TufKey } from '../keys/public-key.ts';
import type { Envelope } from '../tuf/envelope.ts';
import { MAX_ROOT, MAX_SNAPSHOT, MAX_TARGETS, MAX_TIMESTAMP } from '../tuf/limits.ts';

/** The specification that is followed; readers look at the first number (TUF 1.0, §4.2.1). */
const SPEC_VERSION = '1.0.31';

export const topRoles = ['root', 'targets', 'snapshot', 'timestamp'] as const;
export type TopRole = (typeof topRoles)[number];

/** Whose lives root sets: `product` stands for every product role and its archive. */
export const lifetimeRoles = ['root', 'targets', 'product', 'snapshot', 'timestamp'] as const;
export type LifetimeRole = (typeof lifetimeRoles)[number];
export type Lifetimes = Readonly<Record<LifetimeRole, number>>;

/** Days. */
export const defaultLifetimes: Lifetimes = {
  root: 365,
  targets: 365,
  product: 365,
  snapshot: 30,
  timestamp: 7,
};
export const MAX_LIFETIME_DAYS = 36_500;
const DAY_MS = 86_400_000;

type Common = {
  readonly _type: string;
  readonly spec_version: string;
  readonly version: number;
  /** RFC 3339, UTC, whole seconds. */
  readonly expires: string;
  readonly [other: string]: Json | undefined;
};

export type RoleKeys = { readonly keyids: readonly string[]; readonly threshold: number };
export type Keys = { readonly [keyId: string]: TufKey };
export type RootPart = Common & {
  readonly consistent_snapshot: boolean;
  readonly keys: Keys;
  readonly roles: { readonly [role: string]: RoleKeys };
};
export type DelegatedRole = RoleKeys & {
  readonly name: string;
  readonly terminating: boolean;
  readonly paths?: readonly string[];
};
export type Delegations = { readonly keys: Keys; readonly roles: readonly DelegatedRole[] };
export type TargetEntry = {
  readonly length: number;
  readonly hashes: { readonly [algorithm: string]: string };
  readonly custom?: { readonly [name: string]: Json | undefined };
};
export type TargetsPart = Common & {
  readonly targets: { readonly [path: string]: TargetEntry };
  readonly delegations?: Delegations;
};
export type FileEntry = {
  readonly version: number;
  readonly length?: number;
  readonly hashes?: { readonly [algorithm: string]: string };
};
export type MetaPart = Common & { readonly meta: { readonly [name: string]: FileEntry } };
export type Part = RootPart | TargetsPart | MetaPart;

/** A part that is not dated and numbered yet: {@link stamped} does. */
export function newPart<M extends { readonly [name: string]: Json | undefined }>(
  type: TopRole,
  members: M,
): Common & M {
  return { _type: type, spec_version: SPEC_VERSION, version: 0, expires: '', ...members };
}

/** The part with its version, signed at `time` and good for `days`. */
export function stamped<P extends Part>(part: P, version: number, time: Date, days: number): P {
  const silt = { ...siltOf(part), created: rfc3339(time) };
  return { ...part, version, expires: rfc3339(new Date(time.getTime() + days * DAY_MS)), silt };
}

/** Silt's own member of a part; anything may stand there. */
export function siltOf(part: Part): { readonly [name: string]: Json | undefined } {
  const { silt } = part;
  return typeof silt === 'object' && silt !== null && !Array.isArray(silt)
    ? (silt as { readonly [name: string]: Json | undefined })
    : {};
}

/** The lives that root sets, in days; the usual ones where it sets none. */
export function lifetimesOf(root: RootPart): Lifetimes {
  const { lifetimeDays } = siltOf(root);
  const set: unknown[] = lifetimeRoles.map((role) => Object(lifetimeDays)[role]);
  const days = lifetimeRoles.map((role, at) => [role, isDays(set[at]) ? set[at] : defaultLifetimes[role]]);
  return Object.fromEntries(days) as Lifetimes;
}

export function isDays(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= MAX_LIFETIME_DAYS;
}

/** Days that `role` lives. */
export function lifetimeOf(role: string, lifetimes: Lifetimes): number {
  const own = lifetimeRoles.find((known) => known === role);
  return lifetimes[own ?? 'product'];
}

/** The keys that silt knows were taken away. */
export function revokedOf(root: RootPart): readonly string[] {
  const { revoked } = siltOf(root);
  return Array.isArray(revoked) ? revoked.filter((keyId) => typeof keyId === 'string') : [];
}

/** The signed part of metadata that was read. */
export function partOf(metadata: Metadata<Root>): RootPart;
export function partOf(metadata: Metadata<Targets>): TargetsPart;
export function partOf(metadata: Metadata<Snapshot> | Metadata<Timestamp>): MetaPart;
export function partOf(metadata: Metadata<Root | Targets | Snapshot | Timestamp>): Part {
  return metadata.signed.toJSON() as unknown as Part;
}

/** Metadata that was read, as its envelope. */
export function envelopeOf(metadata: Metadata<Root | Targets | Snapshot | Timestamp>): Envelope {
  return metadata.toJSON() as unknown as Envelope;
}

/** A part nobody has signed yet. */
export function unsigned(part: Part): Envelope {
  // The envelope of a reader can be changed, a part cannot; nobody changes either.
  return { signed: part as unknown as Envelope['signed'], signatures: [] };
}

const limits: Readonly<Record<TopRole, number>> = {
  root: MAX_ROOT,
  targets: MAX_TARGETS,
  snapshot: MAX_SNAPSHOT,
  timestamp: MAX_TIMESTAMP,
};

/** The file. @throws SiltError FORMAT_INVALID for one that no client takes */
export function encodeEnvelope(role: string, { signed, signatures }: Envelope): Uint8Array {
  const bytes = Buffer.from(
    canonicalJson({ signatures: signatures.map(({ keyid, sig }) => ({ keyid, sig })), signed }),
  );
  const limit = limits[topRoles.find((known) => known === role) ?? 'targets'];
  if (bytes.length <= limit) return bytes;
  throw new SiltError(
    'FORMAT_INVALID',
    `${role}: ${limit} bytes hold no more releases or keys; publish to another repository`,
    { details: { role, expected: limit, found: bytes.length } },
  );
}

/** RFC 3339, UTC, whole seconds: what TUF wants (TUF 1.0, §4.2.1). */
export function rfc3339(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}
