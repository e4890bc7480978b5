/**
 * Names of the entries of slots for systemd-boot: `PREFIX-NUMBER-SLOT.conf`, with `+LEFT` or `+LEFT-DONE` before
 * `.conf` where starts are counted (UAPI.1 Boot Loader Specification, "Boot counting").
 *
 * systemd-boot puts entries without tries left last, and the others by name, newest first, where digits count as
 * a number. So the slot with the highest NUMBER is the first one: one new name says which slot is preferred and
 * how often it is tried.
 *
 * @module
 */
import type { BootSlot } from './boot-loader.ts';

/** Nine digits: enough for an update a second in thirty years. */
export const MAX_NUMBER = 999_999_999;

export interface EntryName {
  readonly slot: BootSlot;
  /** The higher, the earlier. */
  readonly number: number;
  /** Starts left; `undefined` for an entry that is good and not counted. */
  readonly left: number | undefined;
}

/** What the name of a file says; `undefined` for one that is no entry of `slots`. FAT does not tell A from a. */
export function parseEntryName(
  file: string,
  prefix: string,
  slots: readonly BootSlot[],
): EntryName | undefined {
  if (!file.toLowerCase().startsWith(`${prefix.toLowerCase()}-`)) return undefined;
  const rest = /^(\d{1,9})-([^+]+?)(?:\+(\d{1,9})(?:-\d{1,9})?)?\.conf$/i.exec(file.slice(prefix.length + 1));
  const slot = slots.find((candidate) => candidate.toLowerCase() === rest?.[2]?.toLowerCase());
  if (rest === null || slot === undefined) return undefined;
  return { slot, number: Number(rest[1]), left: rest[3] === undefined ? undefined : Number(rest[3]) };
}

/** The name of the file. */
export function formatEntryName({ slot, number, left }: EntryName, prefix: string): string {
  return `${prefix}-${number}-${slot}${left === undefined ? '' : `+${left}`}.conf`;
}

/** The order in which systemd-boot would start entries whose sort keys, if any, are equal. */
export function compareEntries(a: EntryName, b: EntryName): number {
  return Number(a.left === 0) - Number(b.left === 0) || b.number - a.number;
}
