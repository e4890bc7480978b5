/**
 * Environments that libubootenv's fw_setenv (0.3.2) wrote; they are never replaced. The file of two copies is what
 * three calls leave: the second, the first, and the second copy again.
 *
 * `SILT_WRITE_VECTORS=1` writes those that are missing, with fw_setenv.
 */
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { decodeEnvironment, encodeEnvironment } from '../../../src/device/boot/uboot-environment.ts';
import type { UbootPlaces } from '../../../src/device/boot/uboot-places.ts';
import { UbootStorage } from '../../../src/device/boot/uboot-storage.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { fwSetenv } from '../../support/uboot-tools.ts';

const folder = fileURLToPath(new URL('../../vectors/uboot-env-1/', import.meta.url));

const changes: readonly Readonly<Record<string, string>>[] = [
  { BOOT_ORDER: 'A B', BOOT_A_LEFT: '3', bootcmd: 'test a = b; run boot' },
  { BOOT_B_LEFT: '3', name: 'J\xe9r\xf4me' },
  { BOOT_ORDER: 'B A' },
];

/** Sorted by name, which is fw_setenv's order on the medium. */
const AFTER_TWO: readonly [string, string][] = [
  ['BOOT_A_LEFT', '3'],
  ['BOOT_B_LEFT', '3'],
  ['BOOT_ORDER', 'A B'],
  ['bootcmd', 'test a = b; run boot'],
  ['name', 'J\xe9r\xf4me'],
];
const AFTER_THREE = AFTER_TWO.map(([name, value]): [string, string] => [
  name,
  name === 'BOOT_ORDER' ? 'B A' : value,
]);

const vectors = [
  { name: 'one-copy.bin', size: 512, offsets: [0] },
  { name: 'two-copies.bin', size: 1024, offsets: [0, 1024] },
] as const;

function placesOf(path: string, { size, offsets }: (typeof vectors)[number]): UbootPlaces {
  const [first, second] = offsets;
  const one = { path, offset: first };
  return { copies: second === undefined ? [one] : [one, { path, offset: second }], size };
}

for (const vector of vectors) {
  const golden = join(folder, vector.name);

  test(`${vector.name} is read as it was set, and encoded byte by byte`, async (t) => {
    const directory = await temporaryDirectory(t);
    if (!existsSync(golden) && process.env.SILT_WRITE_VECTORS === '1') {
      const path = join(directory, 'env');
      await writeFile(path, Buffer.alloc(vector.size * vector.offsets.length));
      for (const change of changes) await fwSetenv(directory, placesOf(path, vector), change);
      await mkdir(folder, { recursive: true });
      await copyFile(path, golden);
    }
    t.deepEqual([...UbootStorage.open(placesOf(golden, vector)).read()], AFTER_THREE);
    const file = await readFile(golden);
    const redundant = vector.offsets.length === 2;
    const copies = vector.offsets.map((offset) => file.subarray(offset, offset + vector.size));
    const found = copies.map((copy) => decodeEnvironment(copy, redundant, golden));
    for (const [index, copy] of copies.entries()) {
      t.deepEqual(Buffer.from(encodeEnvironment(found[index]!, vector.size)), copy);
    }
    if (!redundant) return;
    // Its first write goes into the second copy, since none of them is intact then.
    t.deepEqual(
      found.map(({ generation }) => generation),
      [2, 3],
    );
    t.deepEqual([...found[0]!.variables], AFTER_TWO);
  });
}
