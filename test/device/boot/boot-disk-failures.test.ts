/** A full disk, a read-only one and a read-only device, met by each call of each boot loader that writes by itself. */
import { execFileSync } from 'node:child_process';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { KiB } from '../../../src/core/sizes.ts';
import type { BootLoader } from '../../../src/device/boot/boot-loader.ts';
import { UbootBootLoader } from '../../../src/device/boot/uboot-boot-loader.ts';
import { encodeEnvironment } from '../../../src/device/boot/uboot-environment.ts';
import { UbootStorage } from '../../../src/device/boot/uboot-storage.ts';
import { TargetFile } from '../../../src/io/target-file.ts';
import { type BootKind, bootKinds, ubootKind } from '../../support/crash-states/boot-scenarios.ts';
import { loopDevice } from '../../support/loop-device.ts';
import { makeReadOnly, makeWritable, smallDisk } from '../../support/small-disk.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

/** What each is to do, and the slot that is started then. */
const calls: Readonly<Record<string, readonly [(loader: BootLoader) => Promise<void>, string]>> = {
  activate: [(loader) => loader.activate('B', 3), 'B'],
  markGood: [(loader) => loader.markGood('B'), 'B'],
  markBad: [(loader) => loader.markBad('B'), 'A'],
};

function fill(disk: string): void {
  const filler = ['if=/dev/zero', `of=${join(disk, 'filler')}`, 'bs=512', 'count=999'];
  try {
    execFileSync('dd', filler, { stdio: 'pipe' });
  } catch {
    // It is full.
  }
}

/** Where a call has something to change. */
async function deliver(kind: BootKind, disk: string, call: string): Promise<void> {
  await kind.deliver(disk);
  if (call === 'markBad') await kind.open(disk).activate('B', 2);
}

for (const kind of bootKinds) {
  for (const [call, [run, started]] of Object.entries(calls)) {
    test(`${kind.name}: a full disk fails ${call}, and changes nothing`, async (t) => {
      const disk = await smallDisk(t, 64 * KiB);
      if (disk === undefined) return;
      await deliver(kind, disk, call);
      const before = await kind.open(disk).read();
      const names = (await readdir(disk, { recursive: true })).sort();
      fill(disk);
      await throwsSilt(t, () => run(kind.open(disk)), 'NO_SPACE');
      t.deepEqual(await kind.open(disk).read(), before);
      await rm(join(disk, 'filler'));
      t.deepEqual((await readdir(disk, { recursive: true })).sort(), names);
      await run(kind.open(disk));
      t.is(await kind.boot(disk), started);
    });
  }
}

for (const kind of [...bootKinds, ubootKind]) {
  for (const [call, [run, started]] of Object.entries(calls)) {
    test(`${kind.name}: a read-only disk fails ${call}, and can be read`, async (t) => {
      const disk = await smallDisk(t, 64 * KiB);
      if (disk === undefined) return;
      await deliver(kind, disk, call);
      const before = await kind.open(disk).read();
      makeReadOnly(disk);
      const error = await throwsSilt(t, () => run(kind.open(disk)), 'IO_FAILED');
      t.regex(error.message, /read-only/);
      t.deepEqual(await kind.open(disk).read(), before);
      makeWritable(disk);
      await run(kind.open(disk));
      t.is(await kind.boot(disk), started);
    });
  }
}

for (const [call, [run, started]] of Object.entries(calls)) {
  test(`U-Boot: a full disk does not disturb ${call}, which writes over what is there`, async (t) => {
    const disk = await smallDisk(t, 64 * KiB);
    if (disk === undefined) return;
    await deliver(ubootKind, disk, call);
    fill(disk);
    await run(ubootKind.open(disk));
    t.is(await ubootKind.boot(disk), started);
  });

  test(`U-Boot: a read-only device fails ${call}, and can be read`, async (t) => {
    const device = await loopDevice(t, 64 * KiB);
    if (device === undefined) return;
    const size = 4 * KiB;
    const copies = [
      { path: device, offset: 0 },
      { path: device, offset: size },
    ] as const;
    const open = (): BootLoader =>
      new UbootBootLoader(UbootStorage.open({ copies, size }), { slots: ['A', 'B'] });
    const variables = new Map([
      ['BOOT_ORDER', 'A B'],
      ['BOOT_B_LEFT', '0'],
    ]);
    const target = TargetFile.open(device, false);
    target.write(0, encodeEnvironment({ generation: 1, variables }, size));
    target.sync();
    target.close();
    if (call === 'markBad') await open().activate('B', 2);
    const before = await open().read();
    execFileSync('blockdev', ['--setro', device]);
    await throwsSilt(t, () => run(open()), 'IO_FAILED');
    t.deepEqual(await open().read(), before);
    execFileSync('blockdev', ['--setrw', device]);
    await run(open());
    t.is((await open().read()).primary, started);
  });
}
