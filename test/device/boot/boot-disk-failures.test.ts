import { execFileSync } from 'node:child_process';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { KiB } from '../../../src/core/sizes.ts';
import { bootKinds } from '../../support/crash-states/boot-scenarios.ts';
import { makeReadOnly, smallDisk } from '../../support/small-disk.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

for (const kind of bootKinds) {
  test(`${kind.name}: a full disk is told, and changes nothing`, async (t) => {
    const disk = await smallDisk(t, 64 * KiB);
    if (disk === undefined) return;
    await kind.deliver(disk);
    const before = await kind.open(disk).read();
    const names = (await readdir(disk, { recursive: true })).sort();
    const filler = join(disk, 'filler');
    t.throws(() =>
      execFileSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=512', 'count=999'], { stdio: 'pipe' }),
    );
    await throwsSilt(t, () => kind.open(disk).activate('B', 3), 'NO_SPACE');
    t.deepEqual(await kind.open(disk).read(), before);
    await rm(filler);
    t.deepEqual((await readdir(disk, { recursive: true })).sort(), names);
    await kind.open(disk).activate('B', 3);
    t.is(await kind.boot(disk), 'B');
  });

  test(`${kind.name}: a read-only disk is told, and can be read`, async (t) => {
    const disk = await smallDisk(t, 64 * KiB);
    if (disk === undefined) return;
    await kind.deliver(disk);
    const before = await kind.open(disk).read();
    makeReadOnly(disk);
    for (const action of [
      () => kind.open(disk).activate('B', 3),
      () => kind.open(disk).markGood('B'),
      () => kind.open(disk).markBad('A'),
    ]) {
      const error = await throwsSilt(t, action, 'IO_FAILED');
      t.regex(error.message, /read-only/);
    }
    t.deepEqual(await kind.open(disk).read(), before);
  });
}
