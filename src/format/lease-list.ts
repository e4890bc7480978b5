/**
 * The publishers that are at work in a repository, and the prune that deletes at the moment: one document that is
 * replaced conditionally, so that each sees the other. Canonical JSON, docs/format/pruning.md.
 *
 * @module
 */
import * as v from 'valibot';
import { canonicalJson } from './canonical-json.ts';
import { parseDocument } from './document.ts';
import { MAX_LEASE_LIST, MAX_LEASES } from './limits.ts';
import { momentSchema } from './prune-times.ts';

export const LEASE_LIST_FORMAT = 'silt-leases';
export const LEASE_LIST_VERSION = 1;
export const LEASE_LIST_KEY = 'prune/leases.json';

const id = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/));
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const leaseSchema = v.object({
  id,
  /** Who it is, for people. */
  holder: v.pipe(v.string(), v.maxLength(512)),
  /** Grows for as long as the holder lives. */
  renewals: count,
  /** The count that a prune saw first, and when. */
  seen: v.exactOptional(v.object({ renewals: count, at: momentSchema })),
});

const listSchema = v.object({
  format: v.literal(LEASE_LIST_FORMAT),
  formatVersion: v.literal(LEASE_LIST_VERSION),
  leases: v.pipe(v.array(leaseSchema), v.maxLength(MAX_LEASES)),
  /** The prune whose turn it is to delete; `turn` differs from one turn to the next. */
  sweep: v.exactOptional(v.object({ id, turn: count })),
});

export type LeaseEntry = v.InferOutput<typeof leaseSchema>;
export type LeaseList = Pick<v.InferOutput<typeof listSchema>, 'leases' | 'sweep'>;

export const noLeases: LeaseList = { leases: [] };

/** @throws SiltError FORMAT_INVALID, FORMAT_UNSUPPORTED */
export function decodeLeaseList(bytes: Uint8Array): LeaseList {
  return parseDocument(bytes, listSchema, {
    what: 'leases',
    format: LEASE_LIST_FORMAT,
    versions: [LEASE_LIST_VERSION],
    limit: MAX_LEASE_LIST,
  });
}

export function encodeLeaseList({ leases, sweep }: LeaseList): Uint8Array {
  const document = { format: LEASE_LIST_FORMAT, formatVersion: LEASE_LIST_VERSION, leases };
  return Buffer.from(canonicalJson(sweep === undefined ? document : { ...document, sweep }));
}
