/**
 * A boot loader that is one JSON file, for trying things out and for tests: what a real one keeps, and
 * {@link SimulatedBootLoader.boot}, which does what its firmware would do. Every change is one atomic replacement.
 *
 * @module
 */
import * as v from 'valibot';
import { isSiltError, SiltError } from '../../core/errors.ts';
import { KiB } from '../../core/sizes.ts';
import { parseDocument } from '../../format/document.ts';
import { replaceFile } from '../../io/atomic.ts';
import { readSmallFile } from '../../io/read-small-file.ts';
import type { BootLoader, BootSlot } from './boot-loader.ts';
import { bootState, checkSlotNames, MAX_TRIES, requireSlot, requireTries } from './boot-slots.ts';

export const SIMULATED_BOOT_FORMAT = 'silt-simulated-boot';
export const SIMULATED_BOOT_VERSION = 1;

const MAX_STATE_BYTES = 64 * KiB;

const slotSchema = v.strictObject({
  name: v.pipe(v.string(), v.maxLength(32)),
  /** Starts left: 0 for a slot that is never started, null for one that is not counted. */
  triesLeft: v.nullable(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_TRIES))),
});

const stateSchema = v.strictObject({
  format: v.literal(SIMULATED_BOOT_FORMAT),
  formatVersion: v.literal(SIMULATED_BOOT_VERSION),
  /** In the order in which they are tried. */
  slots: v.array(slotSchema),
});

type Slot = v.InferOutput<typeof slotSchema>;

export interface SimulatedBootOptions {
  /** The JSON file. While there is none, the first slot is good and the others are bad. */
  readonly path: string;
  readonly slots: readonly BootSlot[];
}

export interface SimulatedBootLoader extends BootLoader {
  /**
   * Does what the firmware does at a start: takes the first slot that may be started, counts down, and tells its
   * name; `undefined` when there is none. A slot that is not marked good in time falls back by itself.
   */
  boot(): Promise<BootSlot | undefined>;
}

/** @throws SiltError CONFIG_INVALID for names that cannot be slots */
export function simulatedBootLoader({ path, slots }: SimulatedBootOptions): SimulatedBootLoader {
  checkSlotNames(slots);

  const load = async (): Promise<Slot[]> => (await readState(path, slots)) ?? initialState(slots);

  async function put(slot: Slot, first: boolean): Promise<void> {
    requireSlot(slots, slot.name);
    const present = await load();
    const others = present.filter(({ name }) => name !== slot.name);
    await save(path, first ? [slot, ...others] : present.map((one) => (one.name === slot.name ? slot : one)));
  }

  return {
    async read() {
      const present = await load();
      return bootState(
        present.map(({ name, triesLeft }) => ({
          name,
          triesLeft: triesLeft ?? undefined,
          bootable: triesLeft !== 0,
        })),
      );
    },
    async activate(name, tries) {
      requireTries(tries);
      await put({ name, triesLeft: tries }, true);
    },
    markGood: (name) => put({ name, triesLeft: null }, true),
    markBad: (name) => put({ name, triesLeft: 0 }, false),
    async boot() {
      const slot = (await load()).find(({ triesLeft }) => triesLeft !== 0);
      if (slot === undefined) return undefined;
      // Before the start, as firmware must: a system that hangs at once has used up a try.
      if (slot.triesLeft !== null) await put({ name: slot.name, triesLeft: slot.triesLeft - 1 }, false);
      return slot.name;
    },
  };
}

function initialState(slots: readonly BootSlot[]): Slot[] {
  return slots.map((name, index) => ({ name, triesLeft: index === 0 ? null : 0 }));
}

async function save(path: string, slots: readonly Slot[]): Promise<void> {
  const state = { format: SIMULATED_BOOT_FORMAT, formatVersion: SIMULATED_BOOT_VERSION, slots };
  await replaceFile(path, Buffer.from(`${JSON.stringify(state, null, 2)}\n`));
}

async function readState(path: string, slots: readonly BootSlot[]): Promise<Slot[] | undefined> {
  try {
    const bytes = await readSmallFile(path, MAX_STATE_BYTES);
    if (bytes === undefined) return undefined;
    const state = parseDocument(bytes, stateSchema, {
      what: path,
      format: SIMULATED_BOOT_FORMAT,
      versions: [SIMULATED_BOOT_VERSION],
      limit: MAX_STATE_BYTES,
    });
    const found = state.slots.map(({ name }) => name).toSorted();
    if (found.join(' ') === slots.toSorted().join(' ')) return state.slots;
    throw invalid(path, `expected the slots ${slots.join(', ')} in ${path}, found ${found.join(', ')}`);
  } catch (error) {
    if (isSiltError(error, 'FORMAT_INVALID') || isSiltError(error, 'FORMAT_UNSUPPORTED')) {
      throw invalid(path, error.message, error);
    }
    throw error;
  }
}

function invalid(path: string, why: string, cause?: unknown): SiltError {
  return new SiltError('BOOT_STATE_INVALID', `${why}; remove the file to begin with the first slot good`, {
    details: { path },
    ...(cause !== undefined && { cause }),
  });
}
