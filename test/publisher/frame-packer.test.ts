import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import fc from 'fast-check';
import { sha256, toHex } from '../../src/core/digest.ts';
import { MiB } from '../../src/core/sizes.ts';
import { MAX_FRAME_PLAIN } from '../../src/format/limits.ts';
import { FRAME_SPAN_BYTES, FramePacker } from '../../src/publisher/frame-packer.ts';
import { FrameTable } from '../../src/publisher/frame-table.ts';
import type { BuiltPack } from '../../src/publisher/pack-builder.ts';
import { readPackFrames } from '../../src/publisher/read-pack.ts';
import { type FakePool, fakePool, storedBytes } from '../support/fake-pool.ts';

const compression = { codec: 'zstd', level: 1 } as const;

function idOf(number: number): Uint8Array {
  return sha256(Buffer.from(`chunk ${number}`));
}

interface Bench extends FakePool {
  readonly packer: FramePacker;
  readonly table: FrameTable;
  readonly packs: BuiltPack[];
}

function bench(options: { frameBytes?: number; packBytes?: number } = {}): Bench {
  const fake = fakePool();
  const table = new FrameTable();
  const packs: BuiltPack[] = [];
  const onPack = async (pack: BuiltPack): Promise<void> => void packs.push(pack);
  const packer = new FramePacker(fake.pool, table, { compression, onPack, ...options });
  return { ...fake, packer, table, packs };
}

test('chunks gather in a frame until it has its size, and know where they will lie', (t) => {
  const { packer, tasks, table } = bench({ frameBytes: 1000 });
  const places = [400, 400, 400, 100].map((length, i) => packer.add('image', i * 10_000, length, idOf(i)));
  t.deepEqual(places, [
    { frame: 0, offset: 0 },
    { frame: 0, offset: 400 },
    { frame: 0, offset: 800 },
    { frame: 1, offset: 0 },
  ]);
  t.is(tasks.length, 1, 'the second frame is still open');
  t.deepEqual([...tasks[0]!.offsets], [0, 10_000, 20_000]);
  t.deepEqual([...tasks[0]!.lengths], [400, 400, 400]);
  t.is(toHex(tasks[0]!.ids), [0, 1, 2].map((i) => toHex(idOf(i))).join(''));
  t.is(table.frames, 2);
  t.false(table.isPlaced(0));
});

test('a frame holds chunks of one image only', async (t) => {
  const { packer, tasks, finish, table, packs } = bench();
  packer.add('a', 0, 10, idOf(1));
  packer.endFrame();
  packer.endFrame();
  packer.add('b', 0, 20, idOf(2));
  const finished = packer.finish();
  t.deepEqual(
    tasks.map(({ path }) => path),
    ['a', 'b'],
  );
  finish(0);
  finish(1);
  await finished;
  t.is(packs.length, 1);
  t.is(table.frames, 2);
});

test('each group of chunks has frames of its own', (t) => {
  const { packer, tasks, table } = bench({ frameBytes: 1000 });
  const places = (['new', 'held', 'new', 'held', 'held'] as const).map((group, i) =>
    packer.add('image', i * 1000, 400, idOf(i), group),
  );
  t.deepEqual(
    places.map(({ frame, offset }) => [frame, offset]),
    [
      [0, 0],
      [1, 0],
      [0, 400],
      [1, 400],
      [1, 800],
    ],
  );
  t.is(tasks.length, 1, 'one group has its size, the other has not');
  packer.endFrame();
  t.deepEqual(
    tasks.map(({ offsets }) => [...offsets]),
    [
      [1000, 3000, 4000],
      [0, 2000],
    ],
  );
  t.is(table.frames, 2);
});

test('no frame has more plain bytes than readers take', (t) => {
  const { packer, tasks } = bench();
  packer.add('image', 0, 1000, idOf(1));
  packer.add('image', 1000, MAX_FRAME_PLAIN, idOf(2));
  t.deepEqual(
    tasks.map(({ lengths }) => [...lengths]),
    [[1000], [MAX_FRAME_PLAIN]],
  );
});

test('a frame that few chunks join is closed in the end', (t) => {
  const { packer, tasks } = bench();
  packer.reached(FRAME_SPAN_BYTES);
  packer.add('image', 5000, 100, idOf(1));
  packer.reached(FRAME_SPAN_BYTES + 4999);
  packer.add('image', FRAME_SPAN_BYTES + 4999, 100, idOf(2));
  t.is(tasks.length, 0);
  packer.reached(FRAME_SPAN_BYTES + 5000);
  t.deepEqual(
    tasks.map(({ lengths }) => [...lengths]),
    [[100, 100]],
  );
});

test('packs do not depend on which frame is done first', async (t) => {
  const build = async (order: readonly number[]): Promise<{ names: string[]; places: unknown }> => {
    const { packer, finish, packs, table } = bench({ frameBytes: 1000, packBytes: 5000 });
    for (let i = 0; i < 24; i++) packer.add('image', i * 500, 500, idOf(i));
    t.is(packer.pending, 12);
    const finished = packer.finish();
    for (const index of order) {
      finish(index);
      await turn();
    }
    await finished;
    return {
      names: packs.map(({ name }) => name),
      places: Array.from({ length: 12 }, (_, i) => table.frame(i)),
    };
  };
  const indexes = Array.from({ length: 12 }, (_, i) => i);
  const expected = await build(indexes);
  t.true(expected.names.length >= 3);
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray(indexes, { minLength: 12 }), async (order) => {
      t.deepEqual(await build(order), expected);
    }),
    { numRuns: 20, seed: 20260103 },
  );
});

test('every frame lies in its pack where the table says', async (t) => {
  const { packer, finish, packs, table, tasks } = bench({ frameBytes: 1000, packBytes: 4000 });
  for (let i = 0; i < 10; i++) packer.add('image', i * 600, 600, idOf(i));
  packer.endFrame();
  tasks.forEach((_, i) => {
    finish(i);
  });
  await packer.finish();
  t.is(table.frames, 5);
  tasks.forEach((task, i) => {
    const { pack, offset, stored } = table.frame(i);
    const entry = table.pack(pack);
    const built = packs.find(({ name }) => name === toHex(entry.digest))!;
    t.deepEqual(Buffer.from(built.bytes.subarray(offset, offset + stored)), Buffer.from(storedBytes(task)));
  });
  const named = packs.flatMap(({ bytes }) => readPackFrames(bytes)).map(({ chunkIds }) => toHex(chunkIds));
  t.is(named.join(''), Array.from({ length: 10 }, (_, i) => toHex(idOf(i))).join(''));
  t.is(packer.plainBytes, 6000);
  t.is(packer.storedBytes, 6000);
});

test('settling waits for the oldest frames until few are pending', async (t) => {
  const { packer, finish, table } = bench({ frameBytes: 10 });
  for (let i = 0; i < 4; i++) packer.add('image', i * 10, 10, idOf(i));
  let settled = false;
  const settling = packer.settle(2).then(() => {
    settled = true;
  });
  finish(3);
  finish(1);
  await turn();
  t.false(settled, 'the first frame is missing');
  finish(0);
  await settling;
  t.is(packer.pending, 2);
  t.true(table.isPlaced(1));
  t.false(table.isPlaced(3), 'done, but not its turn');
});

test('a packer whose packs are not taken goes no further', async (t) => {
  const fake = fakePool();
  const taken = Promise.withResolvers<void>();
  const table = new FrameTable();
  const options = { compression, frameBytes: MiB, packBytes: MiB, onPack: () => taken.promise };
  const packer = new FramePacker(fake.pool, table, options);
  for (let i = 0; i < 4; i++) {
    packer.add('image', i * MiB, MiB, idOf(i));
    fake.finish(i);
  }
  let settled = false;
  const settling = packer.settle(0).then(() => {
    settled = true;
  });
  for (let i = 0; i < 50; i++) await turn();
  t.false(settled);
  t.is(packer.pending, 2, 'the second frame waits for the pack of the first');
  taken.resolve();
  await settling;
  t.is(packer.pending, 0);
});

test('a frame that fails is met where its turn comes', async (t) => {
  const { packer, finish, fail, table } = bench({ frameBytes: 10 });
  packer.add('image', 0, 10, idOf(0));
  packer.add('image', 10, 10, idOf(1));
  const gone = new Error('the image changed');
  fail(1, gone);
  let met = false;
  const settling = packer.settle(0).catch((error: unknown) => {
    met = true;
    return error;
  });
  await turn();
  t.false(met);
  finish(0);
  t.is(await settling, gone);
  t.true(table.isPlaced(0));
});
