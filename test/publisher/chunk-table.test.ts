import test from 'ava';
import fc from 'fast-check';
import { sha256, toHex } from '../../src/core/digest.ts';
import { type ChunkPlace, ChunkTable } from '../../src/publisher/chunk-table.ts';

function idOf(number: number): Uint8Array {
  return sha256(Buffer.from(`chunk ${number}`));
}

/** What the table is to do, in the plainest way. */
class Oracle {
  readonly places = new Map<string, ChunkPlace>();
  readonly capacity: number;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  add(id: Uint8Array, place: ChunkPlace): void {
    const known = this.places.has(toHex(id));
    if (!known && this.places.size < this.capacity) this.places.set(toHex(id), place);
  }
}

test('it answers as a map does, full or not', (t) => {
  const command = fc.record({ chunk: fc.nat(300), frame: fc.nat(2 ** 31), offset: fc.nat(2 ** 24) });
  fc.assert(
    fc.property(
      fc.array(command, { maxLength: 400 }),
      fc.integer({ min: 1, max: 200 }),
      (commands, capacity) => {
        const table = new ChunkTable(capacity);
        const oracle = new Oracle(capacity);
        for (const { chunk, frame, offset } of commands) {
          table.add(idOf(chunk), 0, { frame, offset });
          oracle.add(idOf(chunk), { frame, offset });
        }
        for (let chunk = 0; chunk <= 300; chunk++) {
          const expected = oracle.places.get(toHex(idOf(chunk)));
          if (JSON.stringify(table.find(idOf(chunk), 0)) !== JSON.stringify(expected)) return false;
        }
        return table.size === oracle.places.size && table.isFull === oracle.places.size >= capacity;
      },
    ),
    { numRuns: 40, seed: 20260102 },
  );
  t.pass();
});

test('it finds every one of many chunks after growing many times', (t) => {
  const table = new ChunkTable();
  const count = 100_000;
  const ids = Array.from({ length: count }, (_, i) => idOf(i));
  ids.forEach((id, i) => {
    table.add(id, 0, { frame: i, offset: i * 7 });
  });
  t.is(table.size, count);
  t.false(table.isFull);
  const wrong = ids.filter((id, i) => {
    const place = table.find(id, 0);
    return place?.frame !== i || place.offset !== i * 7;
  });
  t.is(wrong.length, 0);
  const strangers = Array.from({ length: 10_000 }, (_, i) => table.find(idOf(count + i), 0));
  t.true(strangers.every((place) => place === undefined));
});

test('ids that share their first bytes, and so their slot, are told apart', (t) => {
  const table = new ChunkTable();
  const ids = Array.from({ length: 3000 }, (_, i) => {
    const id = new Uint8Array(32);
    new DataView(id.buffer).setUint32(12, i, true);
    return id;
  });
  ids.forEach((id, i) => {
    table.add(id, 0, { frame: i, offset: 0 });
  });
  t.is(table.size, 3000);
  t.true(ids.every((id, i) => table.find(id, 0)?.frame === i));
});

test('an id may stand anywhere among others', (t) => {
  const table = new ChunkTable();
  const ids = Buffer.concat([idOf(1), idOf(2), idOf(3)]);
  table.add(ids, 32, { frame: 5, offset: 6 });
  t.deepEqual(table.find(idOf(2), 0), { frame: 5, offset: 6 });
  t.is(table.find(ids, 0), undefined);
  t.deepEqual(table.find(ids, 32), { frame: 5, offset: 6 });
});

test('the first place of a chunk stays until it is moved', (t) => {
  const table = new ChunkTable();
  table.add(idOf(1), 0, { frame: 1, offset: 10 });
  table.add(idOf(1), 0, { frame: 2, offset: 20 });
  t.deepEqual(table.find(idOf(1), 0), { frame: 1, offset: 10 });
  t.is(table.size, 1);
  table.move(idOf(1), 0, { frame: 3, offset: 30 });
  t.deepEqual(table.find(idOf(1), 0), { frame: 3, offset: 30 });
  table.move(idOf(2), 0, { frame: 4, offset: 40 });
  t.is(table.find(idOf(2), 0), undefined, 'what is not known is not moved');
  t.is(table.size, 1);
});

test('the first frame and the last possible one are places like any other', (t) => {
  const table = new ChunkTable();
  table.add(idOf(1), 0, { frame: 0, offset: 0 });
  table.add(idOf(2), 0, { frame: 2 ** 32 - 2, offset: 2 ** 31 - 1 });
  t.deepEqual(table.find(idOf(1), 0), { frame: 0, offset: 0 });
  t.deepEqual(table.find(idOf(2), 0), { frame: 2 ** 32 - 2, offset: 2 ** 31 - 1 });
});

test('a chunk is held at the place that says so, until it is moved', (t) => {
  const table = new ChunkTable();
  table.add(idOf(1), 0, { frame: 1, offset: 10, held: true });
  table.add(idOf(2), 0, { frame: 1, offset: 20 });
  t.deepEqual(table.find(idOf(1), 0), { frame: 1, offset: 10, held: true });
  t.deepEqual(table.find(idOf(2), 0), { frame: 1, offset: 20 });
  table.move(idOf(1), 0, { frame: 2, offset: 0 });
  table.move(idOf(2), 0, { frame: 2, offset: 2 ** 24 - 1, held: true });
  t.deepEqual(table.find(idOf(1), 0), { frame: 2, offset: 0 });
  t.deepEqual(table.find(idOf(2), 0), { frame: 2, offset: 2 ** 24 - 1, held: true });
});
