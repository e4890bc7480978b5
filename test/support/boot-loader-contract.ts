/**
 * The words of the BootLoader contract (src/device/boot/boot-loader.ts) as tests: one suite that every boot
 * loader is held to, with a model of its firmware.
 *
 * @module
 */
import type { ExecutionContext, TestFn } from 'ava';
import type { BootLoader, BootSlot, BootState } from '../../src/device/boot/boot-loader.ts';
import { throwsSilt } from './throws-silt.ts';

/** A boot loader with the slots A, which is good and the first one, and B, which is bad. */
export interface BootBench {
  /** A new one each time, so that nothing is remembered but by what is stored. */
  open(): BootLoader;
  /** What the firmware does at a start: counts down, and tells the slot that it starts. */
  boot(): Promise<BootSlot | undefined>;
}

export interface BootTraits {
  /** The most starts that it can count before it falls back. Default 3. */
  readonly maxTries?: number;
  /** A good slot is counted as well, and has to be marked good after every start. Default false. */
  readonly alwaysCounts?: boolean;
}

/** Tests what an update needs. */
export function testBootLoader(
  test: TestFn<unknown>,
  name: string,
  make: (t: ExecutionContext<unknown>) => Promise<BootBench>,
  { maxTries = 3, alwaysCounts = false }: BootTraits = {},
): void {
  const names = (state: BootState): string[] => state.order.map((slot) => slot.name);
  const isBootable = (state: BootState, slot: BootSlot): boolean | undefined =>
    state.order.find((candidate) => candidate.name === slot)?.bootable;

  test(`${name}: a device as delivered starts its good slot, time and again`, async (t) => {
    const bench = await make(t);
    const state = await bench.open().read();
    t.is(state.primary, 'A');
    t.deepEqual(names(state), ['A', 'B']);
    t.true(isBootable(state, 'A'));
    t.false(isBootable(state, 'B'));
    for (let start = 0; start < 4; start++) {
      t.is(await bench.boot(), 'A');
      if (alwaysCounts) await bench.open().markGood('A');
    }
  });

  test(`${name}: an activated slot is started next, and the other one stays behind it`, async (t) => {
    const bench = await make(t);
    await bench.open().activate('B', maxTries);
    const state = await bench.open().read();
    t.is(state.primary, 'B');
    t.deepEqual(names(state), ['B', 'A']);
    t.true(isBootable(state, 'A'));
    t.true(isBootable(state, 'B'));
    t.true([undefined, maxTries].includes(state.order[0]?.triesLeft));
    t.is(await bench.boot(), 'B');
  });

  for (let tries = 1; tries <= maxTries; tries++) {
    test(`${name}: after ${tries} starts without a good end it falls back`, async (t) => {
      const bench = await make(t);
      await bench.open().activate('B', tries);
      for (let start = 0; start < tries; start++) {
        t.is((await bench.open().read()).primary, 'B');
        t.is(await bench.boot(), 'B');
      }
      const state = await bench.open().read();
      t.is(state.primary, 'A');
      t.false(isBootable(state, 'B'));
      t.is(await bench.boot(), 'A');
    });
  }

  test(`${name}: a slot marked good stays the first one`, async (t) => {
    const bench = await make(t);
    await bench.open().activate('B', maxTries);
    t.is(await bench.boot(), 'B');
    await bench.open().markGood('B');
    for (let start = 0; start < maxTries + 2; start++) {
      t.is((await bench.open().read()).primary, 'B');
      t.is(await bench.boot(), 'B');
      if (alwaysCounts) await bench.open().markGood('B');
    }
    t.deepEqual(names(await bench.open().read()), ['B', 'A']);
  });

  test(`${name}: a slot marked good after a fallback is the first one`, async (t) => {
    const bench = await make(t);
    await bench.open().activate('B', 1);
    t.is(await bench.boot(), 'B');
    t.is(await bench.boot(), 'A');
    await bench.open().markGood('A');
    t.deepEqual(names(await bench.open().read()), ['A', 'B']);
    for (let start = 0; start < 3; start++) {
      t.is(await bench.boot(), 'A');
      if (alwaysCounts) await bench.open().markGood('A');
    }
  });

  test(`${name}: a slot marked bad is not started until it is activated again`, async (t) => {
    const bench = await make(t);
    await bench.open().activate('B', maxTries);
    await bench.open().markBad('B');
    const state = await bench.open().read();
    t.is(state.primary, 'A');
    t.deepEqual(names(state), ['A', 'B']);
    t.false(isBootable(state, 'B'));
    t.is(await bench.boot(), 'A');
    await bench.open().activate('B', maxTries);
    t.is(await bench.boot(), 'B');
  });

  test(`${name}: a good slot can be marked bad, as when its health fails later`, async (t) => {
    const bench = await make(t);
    await bench.open().activate('B', maxTries);
    await bench.open().markGood('B');
    await bench.open().markBad('B');
    t.is((await bench.open().read()).primary, 'A');
    t.is(await bench.boot(), 'A');
  });

  test(`${name}: an update, an update back and an update again each start what they should`, async (t) => {
    const bench = await make(t);
    for (const slot of ['B', 'A', 'B', 'A', 'B']) {
      await bench.open().markBad(slot);
      await bench.open().activate(slot, maxTries);
      t.is(await bench.boot(), slot);
      await bench.open().markGood(slot);
      t.is((await bench.open().read()).primary, slot);
    }
  });

  test(`${name}: a call repeated is the same as one`, async (t) => {
    const bench = await make(t);
    const steps: readonly ((loader: BootLoader) => Promise<void>)[] = [
      (loader) => loader.activate('B', maxTries),
      (loader) => loader.markGood('B'),
      (loader) => loader.markBad('B'),
      (loader) => loader.activate('B', 1),
      (loader) => loader.markGood('A'),
    ];
    for (const step of steps) {
      await step(bench.open());
      const once = await bench.open().read();
      await step(bench.open());
      t.deepEqual(await bench.open().read(), once);
    }
  });

  test(`${name}: a slot that it does not know is refused, and nothing changes`, async (t) => {
    const bench = await make(t);
    const before = await bench.open().read();
    for (const slot of ['C', '', 'a b', '../A', '-A', 'A\n', 'AB']) {
      const loader = bench.open();
      await throwsSilt(t, () => loader.activate(slot, 1), 'BOOT_FAILED');
      await throwsSilt(t, () => loader.markGood(slot), 'BOOT_FAILED');
      await throwsSilt(t, () => loader.markBad(slot), 'BOOT_FAILED');
    }
    t.deepEqual(await bench.open().read(), before);
  });

  test(`${name}: tries that are no count are refused, and nothing changes`, async (t) => {
    const bench = await make(t);
    const before = await bench.open().read();
    for (const tries of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 1e9]) {
      await throwsSilt(t, () => bench.open().activate('B', tries), 'BOOT_FAILED');
    }
    t.deepEqual(await bench.open().read(), before);
  });
}
