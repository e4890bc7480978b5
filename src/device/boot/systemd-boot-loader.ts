/**
 * systemd-boot with counted entries, `PREFIX-NUMBER-SLOT+LEFT-DONE.conf`: see systemd-entry-name.ts. A slot is made
 * the first one by the highest number and not by `default` in loader.conf, since `default` starts an entry even
 * when its tries are used up. `bootctl set-default` does the same by an EFI variable: do not use it.
 *
 * No step relies on rename(2), which on FAT may be cut between removing the old name and making the new one. An
 * entry gets its new name as a new file, complete and durable; then the old file goes. Only one slot's entry is
 * touched at a time, so any cut leaves that slot's old entry, its new one, or both, and every other slot as it was.
 * With both, the change has happened where the new one sorts first, and has not where it sorts last (`+0`). A
 * temporary file that a cut leaves is not removed: on FAT its clusters may be those of the new entry by then.
 *
 * When no entry has a try left, systemd-boot still starts the first: a watchdog must not count on it to stop.
 *
 * @module
 */
import { join } from 'node:path';
import { SiltError } from '../../core/errors.ts';
import { removeFile, replaceFile, syncDirectory } from '../../io/atomic.ts';
import type { BootLoader, BootSlot, SlotState } from './boot-loader.ts';
import { bootState, checkSlotNames, requireSlot, requireTries } from './boot-slots.ts';
import { type Entry, type EntryPlace, entriesDirectory, readEntries } from './systemd-entries.ts';
import { formatEntryName, MAX_NUMBER } from './systemd-entry-name.ts';

const DEFAULT_PREFIX = 'silt';

export interface SystemdBootOptions {
  /** Where the partition is mounted that has `loader/entries`, such as `/boot/efi`. */
  readonly root: string;
  readonly slots: readonly BootSlot[];
  /** What the names of the entries begin with. Default `silt`. */
  readonly prefix?: string;
}

/** @throws SiltError CONFIG_INVALID for names that cannot be slots */
export function systemdBootLoader(options: SystemdBootOptions): BootLoader {
  const { root, slots, prefix = DEFAULT_PREFIX } = options;
  checkSlotNames(slots);
  checkSlotNames([prefix]);
  const place: EntryPlace = { root, prefix, slots };
  const directory = entriesDirectory(place);

  /** Gives `slot` these tries: as the first one, or, with none, where it is. */
  async function change(slot: BootSlot, left: number | undefined): Promise<void> {
    requireSlot(slots, slot);
    const entries = await readEntries(place);
    const own = entries.filter((entry) => entry.slot === slot);
    const [current] = own;
    if (current === undefined) throw missing(directory, prefix, slot);
    const number = left === 0 ? current.number : firstNumber(entries, current, left, directory);
    const file = formatEntryName({ slot, number, left }, prefix);
    if (own.every((entry) => entry.file !== file)) await replaceFile(join(directory, file), current.content);
    // The other tool, or the run that was cut, may not have come to this.
    else await syncDirectory(directory);
    for (const entry of own) if (entry.file !== file) await removeFile(join(directory, entry.file));
  }

  return {
    async read() {
      const entries = await readEntries(place);
      const states = new Map<BootSlot, SlotState>();
      for (const { slot, left } of entries) {
        if (!states.has(slot)) states.set(slot, { name: slot, triesLeft: left, bootable: left !== 0 });
      }
      for (const name of slots) {
        if (!states.has(name)) states.set(name, { name, triesLeft: 0, bootable: false });
      }
      return bootState([...states.values()]);
    },
    async activate(slot, tries) {
      requireTries(tries);
      await change(slot, tries);
    },
    markGood: (slot) => change(slot, undefined),
    markBad: (slot) => change(slot, 0),
  };
}

/** A number that makes `current` the first entry: its own where it is that already, with these tries. */
function firstNumber(
  entries: readonly Entry[],
  current: Entry,
  left: number | undefined,
  directory: string,
): number {
  const highest = Math.max(...entries.map(({ number }) => number));
  if (current.number === highest && current.left === left) return highest;
  if (highest < MAX_NUMBER) return highest + 1;
  throw new SiltError(
    'BOOT_STATE_INVALID',
    `expected numbers below ${MAX_NUMBER} in the names of the entries in ${directory}, found ${highest}; rename them to begin from 1 again, in the same order`,
    { details: { path: directory } },
  );
}

function missing(directory: string, prefix: string, slot: BootSlot): SiltError {
  return new SiltError(
    'BOOT_STATE_INVALID',
    `expected an entry of the slot ${slot} in ${directory}, found none; put one there as ${prefix}-0-${slot}+0.conf`,
    { details: { path: directory, slot } },
  );
}
