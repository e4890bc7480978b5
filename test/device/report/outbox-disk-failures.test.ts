import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { isSiltError } from '../../../src/core/errors.ts';
import { KiB } from '../../../src/core/sizes.ts';
import { openOutbox } from '../../../src/device/report/outbox.ts';
import { sampleEvent } from '../../support/sample-event.ts';
import { makeReadOnly, makeWritable, smallDisk } from '../../support/small-disk.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

const ALL = { events: 1000, bytes: 1e9 };

test('on a full disk an event is refused, those before it stay, and room helps', async (t) => {
  const disk = await smallDisk(t, 256 * KiB);
  if (disk === undefined) return;
  const outbox = openOutbox(join(disk, 'outbox'));
  let kept = 0;
  const full = await t.throwsAsync(async () => {
    for (; ; kept++) await outbox.add(sampleEvent(kept));
  });
  t.true(isSiltError(full, 'NO_SPACE'));
  const waiting = await outbox.first(ALL);
  t.deepEqual(
    waiting.map(({ event }) => event.id),
    Array.from({ length: kept }, (_, n) => `e${n}`),
  );
  await outbox.remove(waiting.slice(0, 2));
  await outbox.add(sampleEvent(kept));
  t.is((await outbox.waiting()).events, kept - 1);
});

test('on a full disk a damaged event does not stop the others', async (t) => {
  const disk = await smallDisk(t, 64 * KiB);
  if (disk === undefined) return;
  const outbox = openOutbox(join(disk, 'outbox'));
  for (const n of [1, 2]) await outbox.add(sampleEvent(n));
  const [first] = await outbox.first(ALL);
  await writeFile(join(disk, 'outbox', first?.name ?? ''), 'x');
  await t.throwsAsync(writeFile(join(disk, 'filler'), Buffer.alloc(64 * KiB)), { code: 'ENOSPC' });
  t.deepEqual(
    (await openOutbox(join(disk, 'outbox')).first(ALL)).map(({ event }) => event.id),
    ['e2'],
  );
});

test('on a disk that cannot be written events are refused, and what waits can be seen', async (t) => {
  const disk = await smallDisk(t, 256 * KiB);
  if (disk === undefined) return;
  const outbox = openOutbox(join(disk, 'outbox'));
  await outbox.add(sampleEvent(1));
  makeReadOnly(disk);
  await throwsSilt(t, () => outbox.add(sampleEvent(2)), 'IO_FAILED');
  t.is((await openOutbox(join(disk, 'outbox')).waiting()).events, 1);
  makeWritable(disk);
  await outbox.add(sampleEvent(2));
  t.is((await outbox.waiting()).events, 2);
});
