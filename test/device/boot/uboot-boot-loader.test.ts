/**
 * What the methods mean is what a boot script does with them. The environment is a real one, in a file.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { UbootBootLoader } from '../../../src/device/boot/uboot-boot-loader.ts';
import { encodeEnvironment, type UbootVariables } from '../../../src/device/boot/uboot-environment.ts';
import { UbootStorage } from '../../../src/device/boot/uboot-storage.ts';
import { bootOnce, SCRIPT_SLOTS } from '../../support/rauc-boot-script.ts';
import { seededRandom } from '../../support/seeded-bytes.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

const SIZE = 1024;

type Values = Readonly<Record<string, string>>;

/** What somebody else keeps there: bytes of another encoding, an empty value, one with a `=`. */
const FOREIGN: Values = {
  bootcmd: 'run boot; test a = b',
  name: 'J\xe9r\xf4me',
  empty: '',
  '.flags': 'ethaddr:mo',
};

interface Device {
  readonly path: string;
  readonly storage: UbootStorage;
  readonly loader: UbootBootLoader;
  /** One start: the slot, or `reset` when the script gave all slots new tries. */
  boot(): string;
}

async function device(t: ExecutionContext<unknown>, values: Values = {}, tries?: number): Promise<Device> {
  const path = join(await temporaryDirectory(t), 'env');
  const variables = new Map(Object.entries({ ...FOREIGN, ...values }));
  await writeFile(path, [
    encodeEnvironment({ generation: 254, variables }, SIZE),
    new Uint8Array(SIZE).fill(0xff),
  ]);
  const places = {
    copies: [
      { path, offset: 0 },
      { path, offset: SIZE },
    ],
    size: SIZE,
  } as const;
  const storage = UbootStorage.open(places);
  return {
    path,
    storage,
    loader: new UbootBootLoader(storage, { slots: SCRIPT_SLOTS, tries }),
    boot() {
      let started = '';
      storage.update((before) => {
        const result = bootOnce(before);
        started = result.started;
        return result.after;
      });
      return started;
    },
  };
}

function boots(of: Device, count: number): string {
  return Array.from({ length: count }, () => of.boot()).join(' ');
}

test('a slot that is activated is tried as often as said, and then the one before it again', async (t) => {
  const unit = await device(t, { BOOT_ORDER: 'A B', BOOT_A_LEFT: '3', BOOT_B_LEFT: '0' });
  await unit.loader.activate('B', 2);
  t.deepEqual(await unit.loader.read(), {
    order: [
      { name: 'B', triesLeft: 2, bootable: true },
      { name: 'A', triesLeft: 3, bootable: true },
    ],
    primary: 'B',
  });
  t.is(boots(unit, 3), 'B B A');
  t.deepEqual(await unit.loader.read(), {
    order: [
      { name: 'A', triesLeft: 2, bootable: true },
      { name: 'B', triesLeft: 0, bootable: false },
    ],
    primary: 'A',
  });
});

test('a slot that is good and said to be so at each start stays', async (t) => {
  const unit = await device(t);
  await unit.loader.activate('B', 3);
  for (let count = 0; count < 20; count += 1) {
    t.is(unit.boot(), 'B');
    await unit.loader.markGood('B');
  }
  t.is((await unit.loader.read()).order[0]?.triesLeft, 3);
});

test('after a fall back the old slot is made first again, even once all tries are used up', async (t) => {
  const unit = await device(t);
  await unit.loader.activate('B', 1);
  t.is(boots(unit, 2), 'B A');
  await unit.loader.markGood('A');
  t.is((await unit.loader.read()).primary, 'A');
  // The script's last resort: tries for all, from the beginning of the order.
  t.is(boots(unit, 5), 'A A A reset A');
});

test('a bad slot is never started, neither after the others used up their tries, until it is activated', async (t) => {
  const unit = await device(t);
  await unit.loader.markBad('B');
  t.deepEqual((await unit.loader.read()).order[1], { name: 'B', triesLeft: 0, bootable: false });
  t.notRegex(boots(unit, 30), /B/);
  await unit.loader.activate('B', 1);
  t.is(unit.boot(), 'B');
});

test('the primary can be marked bad, and the next one is started', async (t) => {
  const unit = await device(t);
  await unit.loader.markBad('A');
  t.is((await unit.loader.read()).primary, 'B');
  t.is(unit.boot(), 'B');
});

test('the only slot of the order is not marked bad, since the script would then take any', async (t) => {
  const unit = await device(t);
  await unit.loader.markBad('B');
  const before = readFileSync(unit.path);
  const error = await throwsSilt(t, () => unit.loader.markBad('A'), 'BOOT_FAILED');
  t.regex(error.message, /another slot in BOOT_ORDER to start instead of A/);
  t.deepEqual(readFileSync(unit.path), before);
  t.is(unit.boot(), 'A');
});

test('a device that stores nothing yet is read as the script reads it', async (t) => {
  const unit = await device(t);
  t.deepEqual(await unit.loader.read(), {
    order: [
      { name: 'A', triesLeft: 3, bootable: true },
      { name: 'B', triesLeft: 3, bootable: true },
    ],
    primary: 'A',
  });
  const five = await device(t, {}, 5);
  t.is((await five.loader.read()).order[0]?.triesLeft, 5);
  await five.loader.markGood('A');
  t.is(five.storage.read().get('BOOT_A_LEFT'), '5');
});

test('a slot that only the script knows is shown and keeps its place', async (t) => {
  const unit = await device(t, { BOOT_ORDER: ' A  rescue B rescue ', BOOT_rescue_LEFT: '1f' });
  t.deepEqual((await unit.loader.read()).order[1], { name: 'rescue', triesLeft: 31, bootable: true });
  await unit.loader.activate('B', 3);
  t.is(unit.storage.read().get('BOOT_ORDER'), 'B A rescue');
  t.is(unit.storage.read().get('BOOT_rescue_LEFT'), '1f');
});

test('with no tries left anywhere there is no primary', async (t) => {
  const unit = await device(t, { BOOT_A_LEFT: '0', BOOT_B_LEFT: '00' });
  t.is((await unit.loader.read()).primary, undefined);
  t.is(unit.boot(), 'reset');
});

/** The methods with the arguments that they may have, by seeded choice. */
function randomCall(random: () => number, loader: UbootBootLoader): { name: string; run(): Promise<void> } {
  const slot = random() < 0.5 ? 'A' : 'B';
  const tries = 1 + Math.floor(random() * 9);
  const kind = Math.floor(random() * 3);
  if (kind === 0) return { name: `activate ${slot} ${tries}`, run: () => loader.activate(slot, tries) };
  if (kind === 1) return { name: `markGood ${slot}`, run: () => loader.markGood(slot) };
  return { name: `markBad ${slot}`, run: () => loader.markBad(slot).catch(() => {}) };
}

const generations = (file: Buffer): [number, number] => [file[4]!, file[SIZE + 4]!];

test('whatever is called and started, read() tells what the script starts, and others keep their variables', async (t) => {
  const random = seededRandom(6);
  const unit = await device(t);
  const kept = new Map(Object.entries(FOREIGN));
  let started = 0;
  for (let step = 0; step < 400; step += 1) {
    const call = randomCall(random, unit.loader);
    const before = readFileSync(unit.path);
    if (random() < 0.6) await call.run();
    else unit.boot();
    const after = readFileSync(unit.path);
    const [first, second] = [0, SIZE].map(
      (at) => !before.subarray(at, at + SIZE).equals(after.subarray(at, at + SIZE)),
    );
    t.false(first && second, 'at most one copy is written');
    const state = await unit.loader.read();
    const { started: next } = bootOnce(unit.storage.read());
    t.is(state.primary ?? 'reset', next, call.name);
    t.is(state.order.filter((slot) => slot.bootable)[0]?.name, state.primary);
    started += next === 'reset' ? 0 : 1;
    for (const [name, value] of kept) t.is(unit.storage.read().get(name), value);
    t.is(new Set(generations(after)).size, 2);
  }
  t.true(started > 300);
});

test('a cut at any byte of any call leaves the script to start what it would have before or after', async (t) => {
  const random = seededRandom(5);
  const unit = await device(t);
  unit.boot();
  let changes = 0;
  for (let step = 0; step < 12; step += 1) {
    const call = randomCall(random, unit.loader);
    const before = readFileSync(unit.path);
    const old = unit.storage.read();
    await call.run();
    const after = readFileSync(unit.path);
    const fresh = unit.storage.read();
    if (before.equals(after)) continue;
    changes += 1;
    // What was written is one run of bytes; only where something differs can a cut be seen.
    for (let cut = 0; cut <= 2 * SIZE; cut += 1) {
      if (cut > 0 && before[cut - 1] === after[cut - 1]) continue;
      writeFileSync(unit.path, Buffer.concat([after.subarray(0, cut), before.subarray(cut)]));
      const found = unit.storage.read();
      if (!isEqual(found, old) && !isEqual(found, fresh)) t.fail(`${call.name}, cut before byte ${cut}`);
    }
    writeFileSync(unit.path, after);
  }
  t.true(changes > 5);
});

function isEqual(a: UbootVariables, b: UbootVariables): boolean {
  return JSON.stringify([...a].sort()) === JSON.stringify([...b].sort());
}

test('an order or a count that makes no sense is told, and never taken for something else', async (t) => {
  for (const [values, why] of [
    [{ BOOT_ORDER: ' ' }, /names of slots.*BOOT_ORDER, found " "/],
    [{ BOOT_ORDER: 'A B;reset' }, /BOOT_ORDER/],
    [{ BOOT_ORDER: 'A '.repeat(10) + 'x'.repeat(100) }, /BOOT_ORDER/],
    [{ BOOT_ORDER: Array.from({ length: 17 }, (_, index) => `s${index}`).join(' ') }, /1 to 16/],
    [{ BOOT_A_LEFT: '-1' }, /hexadecimal.*BOOT_A_LEFT, found "-1"/],
    [{ BOOT_A_LEFT: '0x3' }, /BOOT_A_LEFT/],
    [{ BOOT_B_LEFT: '3 ' }, /BOOT_B_LEFT/],
    [{ BOOT_B_LEFT: '123456789' }, /BOOT_B_LEFT/],
  ] as const) {
    const unit = await device(t, values);
    const error = await throwsSilt(t, () => unit.loader.read(), 'BOOT_STATE_INVALID');
    t.regex(error.message, why);
  }
});

test('a senseless count is mended by activating its slot, a senseless order is left to a person', async (t) => {
  const unit = await device(t, { BOOT_B_LEFT: 'many' });
  await unit.loader.activate('B', 3);
  t.is((await unit.loader.read()).primary, 'B');
  const other = await device(t, { BOOT_ORDER: ';' });
  for (const call of [
    () => other.loader.activate('B', 3),
    () => other.loader.markGood('B'),
    () => other.loader.markBad('B'),
  ]) {
    await throwsSilt(t, call, 'BOOT_STATE_INVALID');
  }
  t.is(other.storage.read().get('BOOT_ORDER'), ';');
});

test('unknown slots and impossible tries are refused, and nothing is written', async (t) => {
  const unit = await device(t);
  const before = readFileSync(unit.path);
  for (const call of [
    () => unit.loader.activate('C', 3),
    () => unit.loader.activate('B', 0),
    () => unit.loader.activate('B', 10),
    () => unit.loader.activate('B', 1.5),
    () => unit.loader.markGood('C'),
    () => unit.loader.markBad('a'),
  ]) {
    await throwsSilt(t, call, 'BOOT_FAILED');
  }
  t.deepEqual(readFileSync(unit.path), before);
  for (const options of [
    { slots: [] },
    { slots: ['A', 'A'] },
    { slots: ['A B'] },
    { slots: ['A='] },
    { slots: ['x'.repeat(33)] },
    { slots: Array.from({ length: 17 }, (_, index) => `s${index}`) },
    { slots: SCRIPT_SLOTS, tries: 0 },
    { slots: SCRIPT_SLOTS, tries: 10 },
  ]) {
    await throwsSilt(t, async () => new UbootBootLoader(unit.storage, options), 'CONFIG_INVALID');
  }
});
