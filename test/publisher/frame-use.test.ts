import test from 'ava';
import { concatBytes } from '../../src/core/bytes.ts';
import { sha256 } from '../../src/core/digest.ts';
import type { ScannedChunks } from '../../src/pool/tasks.ts';
import { type ChunkPlace, ChunkTable } from '../../src/publisher/chunk-table.ts';
import { FrameTable } from '../../src/publisher/frame-table.ts';
import { FrameUse } from '../../src/publisher/frame-use.ts';

const CHUNK = 1000;

function idOf(name: string): Uint8Array {
  return sha256(Buffer.from(name));
}

/** An image that has these chunks, one behind the other; `zeros` is a chunk of zeros. */
function stretchOf(names: readonly string[]): ScannedChunks[] {
  return [
    {
      from: 0,
      lengths: new Uint32Array(names.length).fill(CHUNK),
      ids: concatBytes(names.map(idOf)),
      zeros: Uint8Array.from(names, (name) => (name === 'zeros' ? 1 : 0)),
    },
  ];
}

/** Frames of earlier releases, one a list, each of eight chunks' length. A name with `+` is of the release before. */
function earlier(...frames: readonly (readonly string[])[]) {
  const table = new FrameTable();
  const chunks = new ChunkTable();
  const places = new Map<string, ChunkPlace>();
  for (const names of frames) {
    const frame = table.open();
    const tag = new Uint8Array(16);
    table.place(frame, { pack: 0, offset: frame, stored: 1, plain: 8 * CHUNK, codec: 0, tag });
    for (const [i, name] of names.entries()) {
      const held = name.endsWith('+') ? ({ held: true } as const) : {};
      const place = { frame, offset: i * CHUNK, ...held };
      places.set(name, place);
      chunks.add(idOf(name), 0, place);
    }
  }
  return { table, chunks, place: (name: string) => places.get(name) as ChunkPlace };
}

test('chunks that come back are stored again where they are less than half of their frame', (t) => {
  const few = ['a', 'b', 'c'];
  const many = ['d', 'e', 'f', 'g'];
  const { table, chunks, place } = earlier(few, many);
  table.endForeign(table.frames);
  const use = new FrameUse(chunks, table);
  use.weigh(stretchOf([...few, ...many]));
  t.is(use.storedAgain(place('a')), 'new');
  t.is(use.storedAgain(place('d')), undefined);
  t.is(use.storedAgain({ frame: 2, offset: 0 }), undefined, 'a frame of this release');
});

test('a chunk counts once, however often the image has it, and zeros do not count', (t) => {
  const { table, chunks, place } = earlier(['a', 'b', 'c', 'zeros']);
  table.endForeign(table.frames);
  const use = new FrameUse(chunks, table);
  use.weigh(stretchOf(['a', 'a', 'b', 'b', 'c', 'c', 'zeros', 'zeros']));
  t.is(use.storedAgain(place('a')), 'new');
});

test('a frame that the release before uses is kept from a quarter on, and what is left of it is stored apart', (t) => {
  const { table, chunks, place } = earlier(['a+'], ['b+', 'c+'], ['d+', 'e'], ['f+', 'g', 'h', 'i', 'j']);
  table.endForeign(table.frames);
  const use = new FrameUse(chunks, table);
  use.weigh(stretchOf(['a+', 'b+', 'c+', 'd+', 'e', 'f+', 'g', 'h', 'i', 'j']));
  t.is(use.storedAgain(place('a+')), 'held');
  t.is(use.storedAgain(place('b+')), undefined);
  t.is(use.storedAgain(place('d+')), 'held', 'what comes back leaves it as well');
  t.is(use.storedAgain(place('e')), 'new');
  t.is(use.storedAgain(place('f+')), undefined, 'the frame is fetched for what comes back');
});

test('frames of other products are not weighed, nor those that were weighed before', (t) => {
  const { table, chunks, place } = earlier(['a'], ['b']);
  table.endForeign(1);
  const use = new FrameUse(chunks, table);
  t.is(use.storedAgain(place('a')), undefined);
  use.weigh(stretchOf(['a', 'b']));
  t.is(use.storedAgain(place('a')), 'new');
  t.is(use.storedAgain(place('b')), undefined);
  use.weigh(stretchOf(['b']));
  t.is(use.storedAgain(place('a')), undefined);
});
