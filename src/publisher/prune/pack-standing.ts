/**
 * Which object each pack is read from once all that can go has gone: the pack itself, or one of its remnants. Pure.
 * docs/decisions/0015-pruning.md.
 *
 * @module
 */
import { type RemnantHead, remnantKey, remnantSize } from '../../format/remnant.ts';
import type { Key } from '../../store/store.ts';
import type { PackUse } from './pack-usage.ts';

/** A pack that releases need. */
export interface PackStanding {
  readonly packKey: Key;
  readonly use: PackUse;
  /** Its remnants, by number, ascending. */
  readonly remnants: ReadonlyMap<number, RemnantHead>;
  /**
   * The remnant that it stands in, or 0 for the pack itself; `undefined` where that cannot be told, so that all of
   * its objects stay.
   */
  readonly inUse: number | undefined;
}

/** An object that stands for a pack, so that other objects of that pack may go. */
export interface Stand {
  readonly key: Key;
  readonly size: number;
  /** Remnants that must not be there: a reader would come upon them first, and they were not looked into. */
  readonly unseen: readonly Key[];
}

/**
 * A reader asks for the pack and for its remnants in turn, and takes what comes first. So a pack stands in the last
 * remnant which has all that is in use, if all that come before it have that too.
 *
 * @param needs what has to be there; by several kinds of releases, say
 */
export function standIn(remnants: ReadonlyMap<number, RemnantHead>, needs: readonly PackUse[]): number {
  let inUse = 0;
  for (const [number, head] of remnants) {
    if (!needs.every((use) => hasAll(head, use))) break;
    inUse = number;
  }
  return inUse;
}

/** True when the remnant has every byte of a pack that is in use. */
function hasAll({ ranges, packSize }: RemnantHead, { live, entry }: PackUse): boolean {
  if (packSize !== entry.size) return false;
  let at = 0;
  return live.list().every(({ offset, length }) => {
    while (at < ranges.length && endOf(ranges[at]) < offset + length) at += 1;
    const range = ranges[at];
    return range !== undefined && range.offset <= offset;
  });
}

function endOf(range: RemnantHead['ranges'][number] | undefined): number {
  return range === undefined ? Number.POSITIVE_INFINITY : range.offset + range.length;
}

/** True when the object of that number has to stay; 0 is the pack itself. */
export function isNeeded({ inUse }: PackStanding, number: number): boolean {
  // Later ones stay as well: their numbers are not given twice, since caches hold what had them.
  return inUse === undefined || (number === 0 ? inUse === 0 : number >= inUse);
}

/** What must be there when objects of the pack go that are not needed. */
export function standOf({ packKey, remnants, inUse = 0 }: PackStanding): Stand | undefined {
  const head = remnants.get(inUse);
  if (head === undefined) return undefined;
  const before = Array.from({ length: inUse - 1 }, (_, at) => at + 1);
  const unseen = before.filter((number) => !remnants.has(number));
  return {
    key: remnantKey(packKey, inUse),
    size: remnantSize(head),
    unseen: unseen.map((number) => remnantKey(packKey, number)),
  };
}

/** Bytes of the object that the pack stands in. */
export function standingSize({ use, remnants, inUse = 0 }: PackStanding): number {
  const head = remnants.get(inUse);
  return head === undefined ? use.entry.size : remnantSize(head);
}
