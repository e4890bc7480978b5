import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import test from 'ava';
import { MiB } from '../../../src/core/sizes.ts';
import { decodeEnvironment, encodeEnvironment } from '../../../src/device/boot/uboot-environment.ts';
import type { UbootPlaces } from '../../../src/device/boot/uboot-places.ts';
import { newerCopy, UbootStorage } from '../../../src/device/boot/uboot-storage.ts';
import { observeDisk } from '../../../src/io/disk.ts';
import { loopDevice } from '../../support/loop-device.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

import { OLD, OLDER, SIZE, set, twoCopies } from '../../support/two-uboot-copies.ts';

test('the newer copy counts, and a change goes into the other one alone', async (t) => {
  const { path, places } = await twoCopies(t);
  const storage = UbootStorage.open(places);
  t.deepEqual(storage.read(), OLD);
  const before = await readFile(path);
  storage.update(set('state', 'new'));
  const after = await readFile(path);
  t.deepEqual(after.subarray(SIZE), before.subarray(SIZE));
  const written = decodeEnvironment(after.subarray(0, SIZE), true, path);
  t.is(written.generation, 8);
  t.deepEqual(
    [...written.variables],
    [
      ['state', 'new'],
      ['keep', 'me'],
    ],
  );
  t.deepEqual(UbootStorage.open(places).read(), written.variables);
  storage.update(set('state', 'newer'));
  t.is(decodeEnvironment((await readFile(path)).subarray(SIZE), true, path).generation, 9);
  t.is(storage.read().get('state'), 'newer');
});

test.serial(
  'a change is one write of a whole copy, between the sync of what counts and its own',
  async (t) => {
    const { path, places } = await twoCopies(t);
    const seen: string[] = [];
    observeDisk((operation) => {
      if (operation.kind === 'open') seen.push(`open ${operation.path === path}`);
      else if (operation.kind === 'write') seen.push(`write ${operation.bytes.length} at ${operation.at}`);
      else seen.push(operation.kind);
    });
    try {
      UbootStorage.open(places).update(set('state', 'new'));
    } finally {
      observeDisk(undefined);
    }
    t.deepEqual(seen, ['open true', 'sync', 'open true', `write ${SIZE} at 0`, 'sync']);
  },
);

test('a change that changes nothing writes nothing', async (t) => {
  const { path, places } = await twoCopies(t);
  const before = await readFile(path);
  UbootStorage.open(places).update(set('state', 'old'));
  t.deepEqual(await readFile(path), before);
});

test('256 changes and more go round the generation, and each is seen', async (t) => {
  const { places } = await twoCopies(t, [253, 254]);
  const storage = UbootStorage.open(places);
  for (let count = 0; count < 600; count += 1) {
    storage.update(set('count', `${count}`));
    t.is(storage.read().get('count'), `${count}`);
  }
});

test('0 follows 255, and otherwise the higher generation is newer', (t) => {
  t.deepEqual(
    [newerCopy(255, 0), newerCopy(0, 255), newerCopy(254, 0), newerCopy(0, 254), newerCopy(3, 4)],
    [1, 0, 0, 1, 1],
  );
  t.deepEqual([newerCopy(4, 3), newerCopy(5, 5), newerCopy(255, 1), newerCopy(1, 255)], [0, 0, 0, 1]);
});

test('whatever the generations of two copies are, a change becomes the newer one', async (t) => {
  for (const first of [0, 1, 127, 128, 254, 255]) {
    for (const second of [0, 1, 127, 128, 254, 255]) {
      const { places } = await twoCopies(t, [first, second]);
      const storage = UbootStorage.open(places);
      const kept = storage.read().get('state');
      storage.update(set('more', 'new'));
      t.deepEqual(
        [storage.read().get('state'), storage.read().get('more')],
        [kept, 'new'],
        `${first} ${second}`,
      );
    }
  }
});

test('with one copy broken the other counts, and the next change mends the broken one', async (t) => {
  const { path, places } = await twoCopies(t);
  const file = await readFile(path);
  file[SIZE + 100]! ^= 1;
  await writeFile(path, file);
  const storage = UbootStorage.open(places);
  t.deepEqual(storage.read(), OLDER);
  storage.update(set('state', 'new'));
  t.is(decodeEnvironment((await readFile(path)).subarray(SIZE), true, path).generation, 7);
  t.is(storage.read().get('state'), 'new');
});

test('a copy that the medium cannot read is as good as broken', async (t) => {
  // This file answers EIO where nothing is mapped.
  const { path } = await twoCopies(t);
  const places: UbootPlaces = {
    copies: [
      { path: '/proc/self/mem', offset: 0 },
      { path, offset: SIZE },
    ],
    size: SIZE,
  };
  t.deepEqual(UbootStorage.open(places).read(), OLD);
});

test('a newer copy that is intact but makes no sense is refused, since U-Boot would use it', async (t) => {
  const { path, places } = await twoCopies(t);
  const file = await readFile(path);
  // Variables without an end, a right CRC over them, and a higher generation.
  file.fill('x', 5, SIZE);
  file.writeUInt32LE(crc32(file.subarray(5, SIZE)), 0);
  file.writeUInt8(200, 4);
  await writeFile(path, file);
  const storage = UbootStorage.open(places);
  const error = await throwsSilt(t, async () => storage.read(), 'BOOT_STATE_INVALID');
  t.regex(error.message, /env at 0 is damaged: expected a zero byte/);
  await throwsSilt(t, async () => storage.update(set('a', 'b')), 'BOOT_STATE_INVALID');
  t.deepEqual(await readFile(path), file);
});

test('no intact copy at all is refused, and nothing is written', async (t) => {
  const path = join(await temporaryDirectory(t), 'env');
  await writeFile(path, Buffer.alloc(2 * SIZE));
  const storage = UbootStorage.open({
    copies: [
      { path, offset: 0 },
      { path, offset: SIZE },
    ],
    size: SIZE,
  });
  const error = await throwsSilt(t, async () => storage.read(), 'BOOT_STATE_INVALID');
  t.regex(error.message, /env at 0 or .*env at 512, found none with a right CRC32/);
  await throwsSilt(t, async () => storage.update(set('a', 'b')), 'BOOT_STATE_INVALID');
  t.deepEqual(await readFile(path), Buffer.alloc(2 * SIZE));
});

test('an environment that is too full for a change stays as it is', async (t) => {
  const { path, places } = await twoCopies(t);
  const before = await readFile(path);
  await throwsSilt(
    t,
    async () => UbootStorage.open(places).update(set('a', 'b'.repeat(SIZE))),
    'BOOT_FAILED',
  );
  t.deepEqual(await readFile(path), before);
});

test('a single copy is written in place, without a generation, and its neighbours stay', async (t) => {
  const path = join(await temporaryDirectory(t), 'disk');
  const around = Buffer.alloc(3 * SIZE, 0xaa);
  around.set(encodeEnvironment({ generation: undefined, variables: OLD }, SIZE), SIZE);
  await writeFile(path, around);
  // Counted from the end.
  const storage = UbootStorage.open({ copies: [{ path, offset: -2 * SIZE }], size: SIZE });
  t.deepEqual(storage.read(), OLD);
  storage.update(set('state', 'new'));
  t.is(storage.read().get('state'), 'new');
  const found = await readFile(path);
  t.deepEqual(found.subarray(0, SIZE), around.subarray(0, SIZE));
  t.deepEqual(found.subarray(2 * SIZE), around.subarray(2 * SIZE));
  t.deepEqual(
    [...decodeEnvironment(found.subarray(SIZE, 2 * SIZE), false, path).variables],
    [
      ['state', 'new'],
      ['keep', 'me'],
    ],
  );
});

test('places that cannot be are refused before anything is read', async (t) => {
  const directory = await temporaryDirectory(t);
  const [path, other] = [join(directory, 'env'), join(directory, 'link')];
  await writeFile(path, Buffer.alloc(4 * SIZE));
  await symlink(path, other);
  const at = (offset: number, name = path) => ({ path: name, offset });
  const cases: readonly [UbootPlaces, RegExp][] = [
    [{ copies: [at(0)], size: 5 }, /6 to 1048576 bytes/],
    [{ copies: [at(0)], size: 2 * MiB }, /6 to 1048576 bytes/],
    [{ copies: [at(0)], size: 1.5 }, /6 to 1048576 bytes/],
    [{ copies: [at(0)], size: SIZE, sectorSize: 0 }, /sector size/],
    [{ copies: [at(0.5)], size: SIZE }, /whole number/],
    [{ copies: [at(-4 * SIZE - 1)], size: SIZE }, /before the beginning/],
    [{ copies: [at(0), at(0)], size: SIZE }, /share a sector of 512/],
    [{ copies: [at(0), at(511)], size: SIZE }, /share a sector/],
    [{ copies: [at(100), at(612)], size: SIZE }, /share a sector/],
    [{ copies: [at(SIZE), at(0)], size: SIZE, sectorSize: 4096 }, /share a sector of 4096/],
    [{ copies: [at(0), at(0, other)], size: SIZE }, /share a sector/],
    [{ copies: [at(0), at(-4 * SIZE)], size: SIZE }, /share a sector/],
    [{ copies: [at(0, '/dev/mtd0')], size: SIZE }, /raw flash/],
    [{ copies: [at(0, '/dev/ubi0:env')], size: SIZE }, /raw flash/],
  ];
  for (const [places, why] of cases) {
    const error = await throwsSilt(t, async () => UbootStorage.open(places), 'CONFIG_INVALID');
    t.regex(error.message, why);
  }
  const missing = { copies: [at(0, join(directory, 'missing'))], size: SIZE } as const;
  await throwsSilt(t, async () => UbootStorage.open(missing), 'IO_FAILED');
  const short = UbootStorage.open({ copies: [at(0), at(3 * SIZE + 1)], size: SIZE });
  const error = await throwsSilt(t, async () => short.read(), 'BOOT_STATE_INVALID');
  t.regex(error.message, /expected 512 bytes .* at 1537, but it ends at 2048/);
});

test('a disk whose partitions are mounted still has its environment changed', async (t) => {
  const device = await loopDevice(t, MiB);
  if (device === undefined) return;
  const places: UbootPlaces = {
    copies: [
      { path: device, offset: 0x4000 },
      { path: device, offset: -0x4000 },
    ],
    size: 0x4000,
  };
  const seed = encodeEnvironment({ generation: 0, variables: OLD }, 0x4000);
  const fd = openSync(device, constants.O_RDWR | constants.O_EXCL);
  t.teardown(() => closeSync(fd));
  writeSync(fd, seed, 0, seed.length, 0x4000);
  const storage = UbootStorage.open(places);
  storage.update(set('state', 'new'));
  t.is(UbootStorage.open(places).read().get('state'), 'new');
  storage.update(set('state', 'newer'));
  t.is(UbootStorage.open(places).read().get('state'), 'newer');
});
