/**
 * The environment beside libubootenv, in both directions: what fw_setenv writes we read, what we write
 * fw_printenv reads, and of two copies both take the same one.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { parseFwEnvConfig } from '../../../src/device/boot/uboot-config.ts';
import {
  decodeEnvironment,
  encodeEnvironment,
  type UbootVariables,
} from '../../../src/device/boot/uboot-environment.ts';
import type { UbootPlaces } from '../../../src/device/boot/uboot-places.ts';
import { UbootStorage } from '../../../src/device/boot/uboot-storage.ts';
import { seededRandom } from '../../support/seeded-bytes.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { SIZE } from '../../support/two-uboot-copies.ts';
import { fwEnvConfig, fwPrintenv, fwSetenv, ubootToolsTest } from '../../support/uboot-tools.ts';

const GENERATIONS = [0, 1, 127, 128, 254, 255];

async function blank(
  t: ExecutionContext<unknown>,
  count: 1 | 2,
): Promise<{ directory: string; path: string; places: UbootPlaces }> {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'env');
  await writeFile(path, Buffer.alloc(4 * SIZE));
  const [first, second] = [
    { path, offset: SIZE },
    { path, offset: 3 * SIZE },
  ] as const;
  return { directory, path, places: { copies: count === 1 ? [first] : [first, second], size: SIZE } };
}

const sorted = (variables: UbootVariables): [string, string][] =>
  [...variables].sort(([a], [b]) => (a < b ? -1 : 1));

/** Seeded variables; a value has no line break, or fw_printenv could not be read. */
function someVariables(random: () => number): UbootVariables {
  const text = (length: number, alphabet: string): string =>
    Array.from({ length }, () => alphabet[Math.floor(random() * alphabet.length)]).join('');
  return new Map(
    Array.from({ length: Math.floor(random() * 8) }, (_, index): [string, string] => [
      `${text(5, 'abXY09_.-:')}${index}`,
      text(Math.floor(random() * 30), 'ab =;$"\\\xe4\xff\t'),
    ]),
  );
}

for (const count of [1, 2] as const) {
  ubootToolsTest(
    `fw_printenv reads what we write, with ${count} cop${count === 1 ? 'y' : 'ies'}`,
    async (t) => {
      const { directory, path, places } = await blank(t, count);
      const random = seededRandom(count);
      const generation = count === 1 ? undefined : 255;
      const file = await readFile(path);
      file.set(encodeEnvironment({ generation, variables: new Map([['a', '1']]) }, SIZE), SIZE);
      await writeFile(path, file);
      const storage = UbootStorage.open(places);
      for (let step = 0; step < 12; step += 1) {
        const variables = someVariables(random);
        storage.update(() => variables);
        t.deepEqual(await fwPrintenv(directory, places), sorted(variables));
      }
    },
  );

  ubootToolsTest(
    `we read what fw_setenv writes, with ${count} cop${count === 1 ? 'y' : 'ies'}`,
    async (t) => {
      const { directory, path, places } = await blank(t, count);
      const expected = new Map<string, string>();
      for (const change of [
        { BOOT_ORDER: 'A B', BOOT_A_LEFT: '3' },
        { BOOT_B_LEFT: 'a', bootcmd: 'test a = b; run x' },
        { BOOT_ORDER: 'B A', umlaut: '\xe4\xff' },
      ]) {
        await fwSetenv(directory, places, change);
        for (const [name, value] of Object.entries(change)) expected.set(name, value);
        t.deepEqual(sorted(UbootStorage.open(places).read()), sorted(expected));
      }
      // What fw_setenv wrote last, written again by us, is the same bytes.
      const file = await readFile(path);
      for (const { offset } of places.copies) {
        const copy = file.subarray(offset, offset + SIZE);
        t.deepEqual(Buffer.from(encodeEnvironment(decodeEnvironment(copy, count === 2, path), SIZE)), copy);
      }
    },
  );
}

ubootToolsTest('we and fw_setenv take turns, and neither loses what the other wrote', async (t) => {
  const { directory, path, places } = await blank(t, 2);
  const file = await readFile(path);
  file.set(encodeEnvironment({ generation: 253, variables: new Map([['a', '1']]) }, SIZE), SIZE);
  await writeFile(path, file);
  const storage = UbootStorage.open(places);
  const expected = new Map([['a', '1']]);
  for (let step = 0; step < 8; step += 1) {
    storage.update((variables) => new Map([...variables, [`ours${step}`, `${step}`]]));
    await fwSetenv(directory, places, { [`theirs${step}`]: `${step}` });
    expected.set(`ours${step}`, `${step}`).set(`theirs${step}`, `${step}`);
    t.deepEqual(sorted(storage.read()), sorted(expected));
    t.deepEqual(await fwPrintenv(directory, places), sorted(expected));
  }
});

ubootToolsTest('of two copies fw_printenv takes the one that we take', async (t) => {
  const { directory, path, places } = await blank(t, 2);
  const [low, high] = places.copies.map(({ offset }) => offset) as [number, number];
  for (const first of GENERATIONS) {
    for (const second of GENERATIONS) {
      const file = Buffer.alloc(4 * SIZE);
      file.set(encodeEnvironment({ generation: first, variables: new Map([['copy', 'first']]) }, SIZE), low);
      file.set(
        encodeEnvironment({ generation: second, variables: new Map([['copy', 'second']]) }, SIZE),
        high,
      );
      await writeFile(path, file);
      const ours = sorted(UbootStorage.open(places).read());
      t.deepEqual(await fwPrintenv(directory, places), ours, `${first} ${second}`);
    }
  }
});

ubootToolsTest('a torn write of ours is to fw_printenv what it is to us', async (t) => {
  const { directory, path, places } = await blank(t, 2);
  await fwSetenv(directory, places, { state: 'older' });
  await fwSetenv(directory, places, { state: 'old' });
  const before = await readFile(path);
  const storage = UbootStorage.open(places);
  storage.update((variables) => new Map([...variables, ['state', 'new']]));
  const after = await readFile(path);
  const start = before.findIndex((byte, index) => byte !== after[index]);
  const states = new Set<string>();
  // The header and the variables, byte by byte, and then the zeros behind them.
  for (const cut of [...Array.from({ length: 24 }, (_, index) => start + index), 4 * SIZE]) {
    await writeFile(path, Buffer.concat([after.subarray(0, cut), before.subarray(cut)]));
    const ours = storage.read();
    states.add(ours.get('state') ?? '');
    t.deepEqual(await fwPrintenv(directory, places), sorted(ours), `cut before byte ${cut}`);
  }
  t.deepEqual([...states], ['old', 'new']);
});

ubootToolsTest('we read the fw_env.config that fw_setenv reads', async (t) => {
  const { directory, path, places } = await blank(t, 2);
  await fwSetenv(directory, { ...places, sectorSize: SIZE }, { a: '1' });
  const text = fwEnvConfig({ ...places, sectorSize: SIZE });
  const storage = UbootStorage.open(parseFwEnvConfig(text, path));
  t.deepEqual([...storage.read()], [['a', '1']]);
  // The size without 0x is hexadecimal to both.
  const bare = text.replaceAll(' 0x200', ' 200');
  t.not(bare, text);
  await writeFile(join(directory, 'fw_env.config'), bare);
  t.deepEqual([...UbootStorage.open(parseFwEnvConfig(bare, path)).read()], [['a', '1']]);
});

ubootToolsTest('what both find broken has no variables for either', async (t) => {
  const { directory, places } = await blank(t, 2);
  t.is(await fwPrintenv(directory, places), undefined);
  t.throws(() => UbootStorage.open(places).read(), { code: 'BOOT_STATE_INVALID' });
});
