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
  /** The one that runs; missing when the last start found none, and in files that were made before it was kept. */
  booted: v.optional(v.pipe(v.string(), v.maxLength(32))),
  /** Starts so far. */
  boots: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
});

type Slot = v.InferOutput<typeof slotSchema>;
type State = Pick<v.InferOutput<typeof stateSchema>, 'slots' | 'booted' | 'boots'>;

export interface SimulatedBootOptions {
  /** The JSON file. While there is none, the first slot runs and is good, and the others are bad. */
  readonly path: string;
  readonly slots: readonly BootSlot[];
}

export interface SimulatedBootLoader extends BootLoader {
  /**
   * Does what a restart does: takes the first slot that may be started, counts down, and tells its name;
   * `undefined` when there is none. A slot that is not marked good in time falls back by itself.
   */
  boot(): Promise<BootSlot | undefined>;
  booted(): Promise<BootSlot | undefined>;
  bootId(): Promise<string>;
}

/** @throws SiltError CONFIG_INVALID for names that cannot be slots */
export function simulatedBootLoader({ path, slots }: SimulatedBootOptions): SimulatedBootLoader {
  checkSlotNames(slots);

  const load = async (): Promise<State> => (await readState(path, slots)) ?? initialState(slots);

  async function put(slot: Slot, first: boolean): Promise<void> {
    requireSlot(slots, slot.name);
    const state = await load();
    const others = state.slots.filter(({ name }) => name !== slot.name);
    await save(path, { ...state, slots: first ? [slot, ...others] : withSlot(state.slots, slot) });
  }

  return {
    async read() {
      const { slots: present } = await load();
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
      const { slots: present, boots = 0 } = await load();
      const slot = present.find(({ triesLeft }) => triesLeft !== 0);
      // Before the start, as firmware must: a system that hangs at once has used up a try.
      const counted =
        slot === undefined || slot.triesLeft === null
          ? present
          : withSlot(present, { name: slot.name, triesLeft: slot.triesLeft - 1 });
      await save(path, { slots: counted, booted: slot?.name, boots: boots + 1 });
      return slot?.name;
    },
    booted: async () => (await load()).booted,
    bootId: async () => `simulated-${(await load()).boots ?? 0}`,
  };
}

function initialState(slots: readonly BootSlot[]): State {
  const all = slots.map((name, index) => ({ name, triesLeft: index === 0 ? null : 0 }));
  return { slots: all, booted: slots[0], boots: 0 };
}

function withSlot(slots: readonly Slot[], slot: Slot): Slot[] {
  return slots.map((one) => (one.name === slot.name ? slot : one));
}

async function save(path: string, { slots, booted, boots }: State): Promise<void> {
  const state = {
    format: SIMULATED_BOOT_FORMAT,
    formatVersion: SIMULATED_BOOT_VERSION,
    slots,
    ...(booted !== undefined && { booted }),
    ...(boots !== undefined && { boots }),
  };
  await replaceFile(path, Buffer.from(`${JSON.stringify(state, null, 2)}\n`));
}

async function readState(path: string, slots: readonly BootSlot[]): Promise<State | undefined> {
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
    if (found.join(' ') === slots.toSorted().join(' ')) {
      const { booted } = state;
      if (booted === undefined || slots.includes(booted)) return state;
      throw invalid(path, `expected one of the slots ${slots.join(', ')} to run, found ${booted} in ${path}`);
    }
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
