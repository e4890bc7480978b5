import { spawn } from 'node:child_process';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { openFloor } from '../../src/trust/floor.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const PRODUCT = 'gateway';
const raiseChild = fileURLToPath(new URL('../support/raise-floor-child.ts', import.meta.url));
const COPIES = [`${PRODUCT}.a`, `${PRODUCT}.b`];

/** The bytes of a copy that says `counter`. */
async function copyOf(directory: string, counter: number, product = PRODUCT): Promise<Buffer> {
  await openFloor(directory).raise(product, counter);
  return await readFile(join(directory, `${product}.a`));
}

test('a device without a floor accepts every release, and reading makes no files', async (t) => {
  const directory = join(await temporaryDirectory(t), 'floor');
  t.is(await openFloor(directory).read(PRODUCT), 0);
  await t.throwsAsync(readdir(directory), { code: 'ENOENT' });
});

test('the floor rises, never falls, and survives the process in two equal copies', async (t) => {
  const directory = join(await temporaryDirectory(t), 'floor');
  t.is(await openFloor(directory).raise(PRODUCT, 7), 7);
  t.is(await openFloor(directory).raise(PRODUCT, 3), 7);
  t.is(await openFloor(directory).raise(PRODUCT, 7), 7);
  t.is(await openFloor(directory).read(PRODUCT), 7);
  t.is(await openFloor(directory).raise(PRODUCT, 2 ** 53 - 1), 2 ** 53 - 1);
  t.deepEqual(await readdir(directory), COPIES, 'nothing else is left');
  const [a, b] = await Promise.all(COPIES.map((name) => readFile(join(directory, name))));
  t.deepEqual(a, b);
});

test('a floor is, to the byte, what docs/format/trust.md says', async (t) => {
  const bytes = await copyOf(join(await temporaryDirectory(t), 'floor'), 7);
  t.is(
    bytes.toString(),
    '{"counter":7,"format":"silt-floor","formatVersion":1,"product":"gateway",' +
      '"sha256":"f107b6b21ce4849ac12a9ce2b3875f0b8d6e5c6c3b7deb3b0ff62899eb5fb1de"}',
  );
});

test('every torn prefix of either copy leaves the floor where it was, and the next raise repairs it', async (t) => {
  const directory = await temporaryDirectory(t);
  const floor = openFloor(directory);
  const whole = await copyOf(directory, 41);
  for (const name of COPIES) {
    const other = COPIES.find((each) => each !== name) as string;
    for (let length = 0; length < whole.length; length++) {
      await writeFile(join(directory, name), whole.subarray(0, length));
      t.is(await floor.read(PRODUCT), 41, `${name} torn at ${length}`);
    }
    for (const bytes of [whole, undefined]) {
      // The other copy may be old or gone.
      if (bytes === undefined) await rm(join(directory, name));
      await floor.raise(PRODUCT, 41);
      t.deepEqual(await readFile(join(directory, name)), whole);
      t.deepEqual(await readFile(join(directory, other)), whole);
    }
  }
});

test('a kill between the two writes, or a torn one of them, never lowers the floor', async (t) => {
  const directory = await temporaryDirectory(t);
  const [old, later] = [await copyOf(directory, 41), await copyOf(directory, 42)];
  for (const [name, other] of [COPIES, COPIES.toReversed()] as [string, string][]) {
    await writeFile(join(directory, other), old);
    await writeFile(join(directory, name), later);
    t.is(await openFloor(directory).read(PRODUCT), 42);
    // While one copy is written only the other one counts.
    for (let length = 0; length < later.length; length += 7) {
      await writeFile(join(directory, name), later.subarray(0, length));
      t.is(await openFloor(directory).read(PRODUCT), 41, `${name} torn at ${length}`);
    }
  }
});

test('a process killed while it raises leaves the floor that it reached, or the next one', async (t) => {
  const directory = await temporaryDirectory(t);
  for (const [round, after] of [1, 4, 9].entries()) {
    const first = round * 1000 + 1;
    const child = spawn(process.execPath, [raiseChild, directory, PRODUCT, `${first}`]);
    let reached = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      reached = Number(line);
      // By no clock: it has told so often that it was done, and is at the next one by now.
      if (reached >= first + after) child.kill('SIGKILL');
    }
    const floor = await openFloor(directory).read(PRODUCT);
    t.true(floor === reached || floor === reached + 1, `killed at ${reached}, found ${floor}`);
    t.is(await openFloor(directory).raise(PRODUCT, reached + 1), reached + 1, 'its lock is taken over');
  }
});

test('every altered byte of a copy makes it count no more', async (t) => {
  const directory = await temporaryDirectory(t);
  const floor = openFloor(directory);
  const [low, high] = [await copyOf(directory, 41), await copyOf(directory, 98)];
  await writeFile(join(directory, `${PRODUCT}.a`), low);
  for (let at = 0; at < high.length; at++) {
    const altered = Buffer.from(high);
    altered[at] = (altered[at] ?? 0) ^ 1;
    await writeFile(join(directory, `${PRODUCT}.b`), altered);
    t.is(await floor.read(PRODUCT), 41, `byte ${at}`);
  }
});

test('a floor that is damaged in every copy is refused, and set anew only when told so', async (t) => {
  const directory = await temporaryDirectory(t);
  const floor = openFloor(directory);
  const whole = await copyOf(directory, 41);
  const damaged: (Buffer | undefined)[][] = [
    [Buffer.of(), Buffer.of()],
    [whole.subarray(0, 20), Buffer.from('{}')],
    [whole.subarray(0, 20), undefined],
    [undefined, Buffer.of()],
    [Buffer.alloc(1 << 20, ' '), Buffer.from('[1]')],
  ];
  for (const copies of damaged) {
    for (const [i, bytes] of copies.entries()) {
      const path = join(directory, COPIES[i] as string);
      if (bytes === undefined) await rm(path);
      else await writeFile(path, bytes);
    }
    const error = await throwsSilt(t, () => floor.read(PRODUCT), 'FLOOR_DAMAGED');
    t.regex(error.message, /silt floor raise --product gateway --counter/);
    await throwsSilt(t, () => floor.raise(PRODUCT, 50), 'FLOOR_DAMAGED');
    t.is(await floor.raise(PRODUCT, 40, { anew: true }), 40);
    t.is(await floor.read(PRODUCT), 40);
  }
  t.is(await floor.raise(PRODUCT, 3, { anew: true }), 40, 'what is whole is not begun anew');
});

test('the floor of another product, or of a later format, does not count', async (t) => {
  const directory = await temporaryDirectory(t);
  const floor = openFloor(directory);
  const other = await copyOf(directory, 99, 'camera');
  const later = Buffer.from(JSON.stringify({ ...JSON.parse(other.toString()), formatVersion: 2 }));
  for (const bytes of [other, later]) {
    for (const name of COPIES) await writeFile(join(directory, name), bytes);
    await throwsSilt(t, () => floor.read(PRODUCT), 'FLOOR_DAMAGED');
  }
});

test('products whose names differ by case alone have floors of their own on every file system', async (t) => {
  const directory = await temporaryDirectory(t);
  const floor = openFloor(directory);
  const products = ['gateway', 'Gateway', 'GATEWAY', 'constructor', '0.a', `X${'y'.repeat(127)}`];
  for (const [i, product] of products.entries()) await floor.raise(product, i + 1);
  for (const [i, product] of products.entries()) t.is(await floor.read(product), i + 1);
  const names = await readdir(directory);
  t.is(new Set(names.map((name) => name.toLowerCase())).size, 2 * products.length);
  t.true(names.every((name) => name.length < 200));
});

test('what is no product or no counter is refused', async (t) => {
  const directory = await temporaryDirectory(t);
  const floor = openFloor(directory);
  for (const product of ['', '../x', 'a/b', '.a']) {
    await throwsSilt(t, () => floor.read(product), 'USAGE');
    await throwsSilt(t, () => floor.raise(product, 1), 'USAGE');
  }
  for (const counter of [0, -1, 1.5, Number.NaN, 2 ** 53]) {
    await throwsSilt(t, () => floor.raise(PRODUCT, counter), 'USAGE');
  }
  t.deepEqual(await readdir(directory), []);
});

test('of many that raise at once the highest stays', async (t) => {
  const directory = await temporaryDirectory(t);
  const counters = [5, 9, 2, 7, 9, 1, 8];
  await Promise.all(counters.map((counter) => openFloor(directory).raise(PRODUCT, counter)));
  t.is(await openFloor(directory).read(PRODUCT), 9);
  t.deepEqual(await readdir(directory), COPIES);
});
