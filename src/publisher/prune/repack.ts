/**
 * Makes packs smaller of which little is in use: a remnant beside each, from which readers take what is left once
 * the pack has gone the ordinary way, through record and grace. docs/format/remnant.md.
 *
 * Killed anywhere, some remnants are there; the next run finds them and goes on. Memory: {@link PARALLEL} remnants.
 *
 * @module
 */
import { equalBytes } from '../../core/bytes.ts';
import { type ErrorCode, isSiltError } from '../../core/errors.ts';
import { inOrder } from '../../core/in-order.ts';
import { MiB } from '../../core/sizes.ts';
import { MAX_REMNANT_RANGES, MAX_REMNANTS } from '../../format/limits.ts';
import { encodeRemnantHead, type RemnantHead, remnantKey, remnantSize } from '../../format/remnant.ts';
import type { Key, Store } from '../../store/store.ts';
import { withRemnants } from '../../store/with-remnants.ts';
import { makeRemnant, remnantFor } from './make-remnant.ts';
import { type PackStanding, standingSize } from './pack-standing.ts';
import { type PackStandings, readRemnantHead } from './pack-survey.ts';

/** Packs worked on at a time. */
const PARALLEL = 2;

/** Less is not worth the two requests that devices make for it from then on: docs/decisions/0015-pruning.md. */
const MIN_FREED_BYTES: number = 2 * MiB;

/** When a pack is made smaller. */
export interface RepackRule {
  /** The largest share of its bytes that may stay, above 0 and below 1. */
  readonly below: number;
  /** Bytes that have to go at least. Default 2 MiB. */
  readonly freedBytes?: number | undefined;
}

/** A remnant that is to be made. */
interface Plan {
  readonly standing: PackStanding;
  readonly head: RemnantHead;
  readonly number: number;
  readonly key: Key;
}

export interface RepackReport {
  /** Packs of which a remnant was made. */
  readonly packs: number;
  /** Of these remnants. */
  readonly bytes: number;
  /** Bytes by which the repository will be smaller once the grace is over. */
  readonly freedBytes: number;
  /** Packs in which what is in use is damaged, by their keys: they were left alone. */
  readonly damaged: readonly Key[];
}

export interface RepackOptions {
  readonly rule: RepackRule;
  /** Make nothing; only say what would be made. */
  readonly dryRun: boolean;
  readonly signal: AbortSignal | undefined;
  /** Asked before anything is stored. @throws SiltError CONFLICT when another prune is at work */
  readonly requireOwn: () => Promise<void>;
}

/** What is no failure of the store: the pack is left as it is. */
const DAMAGED: readonly ErrorCode[] = [
  'DIGEST_MISMATCH',
  'FORMAT_INVALID',
  'FORMAT_UNSUPPORTED',
  'SEAL_BROKEN',
  'OBJECT_MISSING',
  'RANGE_INVALID',
];

/**
 * Makes remnants of the packs of which it pays, and lets `standings` know.
 *
 * @throws SiltError CONFLICT when another prune is at work, store errors
 */
export async function repack(
  store: Store,
  standings: PackStandings,
  { rule, dryRun, signal, requireOwn }: RepackOptions,
): Promise<RepackReport> {
  const report = { packs: 0, bytes: 0, freedBytes: 0, damaged: [] as Key[] };
  const plans = [...standings.values()].flatMap((standing) => planFor(standing, rule) ?? []);
  const made = inOrder(plans, PARALLEL, async (plan) => {
    signal?.throwIfAborted();
    if (dryRun) return { plan, outcome: 'made' as const };
    return { plan, outcome: await makeOne(store, plan, { signal, requireOwn }) };
  });
  for await (const { plan, outcome } of made) {
    const { standing, head, number } = plan;
    if (outcome === 'damaged') report.damaged.push(standing.packKey);
    if (outcome !== 'made') continue;
    report.packs += 1;
    report.bytes += remnantSize(head);
    report.freedBytes += standingSize(standing) - remnantSize(head);
    const remnants = new Map([...standing.remnants, [number, head]]);
    standings.set(standing.packKey, { ...standing, remnants, inUse: number });
  }
  return report;
}

/** The remnant to make, if it pays. */
function planFor(
  standing: PackStanding,
  { below, freedBytes = MIN_FREED_BYTES }: RepackRule,
): Plan | undefined {
  const { packKey, use, remnants, inUse } = standing;
  const last = [...remnants.keys()].at(-1) ?? 0;
  // One that does not have all that is in use stays in the way of those that come behind it.
  if (inUse !== last || last === MAX_REMNANTS) return undefined;
  const head = remnantFor(use);
  if (head.ranges.length > MAX_REMNANT_RANGES) return undefined;
  const [size, before] = [remnantSize(head), standingSize(standing)];
  if (size > below * before || before - size < freedBytes) return undefined;
  return { standing, head, number: last + 1, key: remnantKey(packKey, last + 1) };
}

/** Stores the remnant; `later` when there are others than were listed, which the next run may see. */
async function makeOne(
  store: Store,
  { standing, head, key }: Plan,
  { signal, requireOwn }: Pick<RepackOptions, 'signal' | 'requireOwn'>,
): Promise<'made' | 'damaged' | 'later'> {
  const { packKey, use, remnants } = standing;
  const call = signal === undefined ? {} : { signal };
  for (let number = 1; number <= MAX_REMNANTS; number += 1) {
    const isListed = remnants.has(number) || remnantKey(packKey, number) === key;
    if (!isListed && (await store.has(remnantKey(packKey, number), call)) !== undefined) return 'later';
  }
  let bytes: Uint8Array;
  try {
    bytes = await makeRemnant(withRemnants(store), packKey, use, head, signal);
  } catch (error) {
    if (isSiltError(error) && DAMAGED.includes(error.code)) return 'damaged';
    throw error;
  }
  await requireOwn();
  if ((await store.putIfAbsent(key, bytes, call)) === 'created') return 'made';
  // Somebody else made one of that number: the same, or for other releases.
  const found = await readRemnantHead(store, packKey, key, signal);
  return typeof found === 'object' && isSame(found, head) ? 'made' : 'later';
}

function isSame(a: RemnantHead, b: RemnantHead): boolean {
  return equalBytes(encodeRemnantHead(a), encodeRemnantHead(b));
}
