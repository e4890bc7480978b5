import test from 'ava';
import { sha256 } from '../../src/core/digest.ts';
import { FrameTable, type PlacedFrame } from '../../src/publisher/frame-table.ts';
import { throwsSilt } from '../support/throws-silt.ts';

function placeOf(number: number): PlacedFrame {
  const tag = new Uint8Array(sha256(Buffer.from(`frame ${number}`)).subarray(0, 16));
  return { pack: number % 7, offset: number * 10, stored: number + 1, plain: number * 3, codec: 1, tag };
}

test('frames are numbered as they are opened and found where they were placed, in any order', (t) => {
  const table = new FrameTable();
  const numbers = Array.from({ length: 5000 }, () => table.open());
  t.deepEqual(numbers.slice(0, 3), [0, 1, 2]);
  t.is(table.frames, 5000);
  for (const number of numbers.toReversed()) table.place(number, placeOf(number));
  t.true(numbers.every((number) => table.isPlaced(number)));
  for (const number of [0, 1, 1023, 1024, 1025, 4999]) t.deepEqual(table.frame(number), placeOf(number));
});

test('a frame that was placed stays so while others are opened', (t) => {
  const table = new FrameTable();
  table.place(table.open(), placeOf(9));
  for (let i = 0; i < 3000; i++) table.open();
  t.deepEqual(table.frame(0), placeOf(9));
  t.false(table.isPlaced(1));
  t.false(table.isPlaced(3000));
});

test('to ask where a frame lies before it does is a mistake of the program', async (t) => {
  const table = new FrameTable();
  const number = table.open();
  t.false(table.isPlaced(number));
  await throwsSilt(t, async () => table.frame(number), 'INTERNAL');
});

test('a pack has a number before it has a name', async (t) => {
  const table = new FrameTable();
  const entry = { digest: new Uint8Array(32), size: 9, trailerLength: 1, trailerDigest: new Uint8Array(32) };
  const known = table.openPack(entry);
  const open = table.openPack();
  t.deepEqual([known, open], [0, 1]);
  t.is(table.pack(known), entry);
  await throwsSilt(t, async () => table.pack(open), 'INTERNAL');
  table.namePack(open, { ...entry, size: 10 });
  t.is(table.pack(open).size, 10);
});

test('frames of other products are told from our own', (t) => {
  const table = new FrameTable();
  const own = table.open();
  t.false(table.isForeign(own));
  const from = table.frames;
  const foreign = [table.open(), table.open()];
  table.endForeign(from);
  const later = table.open();
  t.deepEqual(
    [own, ...foreign, later].map((frame) => table.isForeign(frame)),
    [false, true, true, false],
  );
  t.deepEqual(
    [own, ...foreign, later].map((frame) => table.isEarlier(frame)),
    [true, false, false, false],
  );
});
