import { readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { sha256, sha256Hex, toHex } from '../../src/core/digest.ts';
import { decodeIndexHead, indexSize } from '../../src/format/index-head.ts';
import { decodeLevel2, hintOf, ZERO_FRAME } from '../../src/format/level2.ts';
import { FrameTable } from '../../src/publisher/frame-table.ts';
import { type GatheredWindow, IndexWriter } from '../../src/publisher/index-writer.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const chunker = { name: 'fixed-1', min: 1024, average: 1024, max: 1024 };
const windowing = { min: 1024, average: 2048, max: 4096 };

function digestOf(text: string): Uint8Array {
  return sha256(Buffer.from(text));
}

/** Packs 0, 1 and 2 of one frame each; the image refers to 2 first, then to 0. */
function tableOfFrames(): FrameTable {
  const table = new FrameTable();
  for (let i = 0; i < 3; i++) {
    const entry = { digest: digestOf(`pack ${i}`), size: 9000 + i, trailerLength: 40 };
    const pack = table.openPack({ ...entry, trailerDigest: digestOf(`trailer ${i}`) });
    const tag = new Uint8Array(digestOf(`frame ${i}`).subarray(0, 16));
    table.place(table.open(), { pack, offset: 10 + i, stored: 500, plain: 4096, codec: 1, tag });
  }
  return table;
}

/** A window of chunks of 1024 bytes in `frames`. */
function windowOf(offset: number, frames: readonly number[]): GatheredWindow {
  return {
    offset,
    length: frames.length * 1024,
    zero: frames.every((frame) => frame === ZERO_FRAME),
    lengths: frames.map(() => 1024),
    ids: frames.map((frame, i) => digestOf(`${offset} ${frame} ${i}`)),
    frames,
    offsetsIn: frames.map((_, i) => i * 1024),
  };
}

test('the index says of its windows what was added, front to back', async (t) => {
  const table = tableOfFrames();
  const path = join(await temporaryDirectory(t), 'index');
  const writer = await IndexWriter.create(table, path);
  t.teardown(() => writer.close());
  const windows = [
    windowOf(0, [2, 2, ZERO_FRAME, 0]),
    windowOf(4096, [ZERO_FRAME, ZERO_FRAME]),
    windowOf(6144, [0]),
  ];
  for (const [i, window] of windows.entries()) await writer.add(window, digestOf(`window ${i}`));
  t.is(writer.windows, 3);
  const written = await writer.finish({ size: 7168, digest: digestOf('image'), chunker, windowing });

  const bytes = await readFile(path);
  t.like(written, { path, size: bytes.length, sha256: sha256Hex(bytes) });
  const front = bytes.subarray(0, written.head.size);
  t.is(written.head.sha256, sha256Hex(front));
  const head = decodeIndexHead(front);
  t.is(indexSize(head, front.length), bytes.length);
  t.is(head.imageSize, 7168);
  t.is(toHex(head.imageDigest), toHex(digestOf('image')));
  t.deepEqual(head.chunker, chunker);
  t.deepEqual(head.windowing, windowing);
  t.deepEqual(
    head.packs.map(({ digest }) => toHex(digest)),
    [2, 0].map((pack) => toHex(digestOf(`pack ${pack}`))),
    'packs in the order of their first use, and none that is not used',
  );
  t.deepEqual(
    head.windows.map(({ offset, length, digest }) => [offset, length, digest && toHex(digest)]),
    [
      [0, 4096, toHex(digestOf('window 0'))],
      [4096, 2048, undefined],
      [6144, 1024, toHex(digestOf('window 2'))],
    ],
  );
  const [first, , last] = head.windows.map(({ level2, length }) =>
    level2 === undefined
      ? undefined
      : decodeLevel2(bytes.subarray(level2.offset, level2.offset + level2.length), length, 2),
  );
  t.deepEqual([...first!.frameOf], [0, 0, ZERO_FRAME, 1]);
  t.deepEqual([...first!.offsetIn], [0, 1024, 0, 3072]);
  t.deepEqual(
    first!.frames.map(({ pack, offset, stored, plain }) => [pack, offset, stored, plain]),
    [
      [0, 12, 500, 4096],
      [1, 10, 500, 4096],
    ],
  );
  const { ids } = windows[0]!;
  t.deepEqual([...first!.hints], [hintOf(ids[0]!), hintOf(ids[1]!), 0, hintOf(ids[3]!)]);
  t.deepEqual(
    last!.frames.map(({ pack }) => pack),
    [1],
  );
});

test('an image without a byte has an index without windows', async (t) => {
  const path = join(await temporaryDirectory(t), 'index');
  const writer = await IndexWriter.create(new FrameTable(), path);
  t.teardown(() => writer.close());
  const { size, head } = await writer.finish({ size: 0, digest: digestOf(''), chunker, windowing });
  t.is(size, head.size);
  t.deepEqual(decodeIndexHead(await readFile(path)).windows, []);
});

test('a disk that is full is no index written in part', async (t) => {
  const path = join(await temporaryDirectory(t), 'index');
  await symlink('/dev/full', `${path}.level2`);
  const writer = await IndexWriter.create(tableOfFrames(), path);
  t.teardown(() => writer.close());
  await throwsSilt(t, () => writer.add(windowOf(0, [0]), digestOf('window')), 'NO_SPACE');
  const other = join(await temporaryDirectory(t), 'index');
  await symlink('/dev/full', other);
  const second = await IndexWriter.create(tableOfFrames(), other);
  t.teardown(() => second.close());
  await second.add(windowOf(0, [0]), digestOf('window'));
  const image = { size: 1024, digest: digestOf('image'), chunker, windowing };
  await throwsSilt(t, () => second.finish(image), 'NO_SPACE');
});

test('a place where no index can be written is named', async (t) => {
  const path = join(await temporaryDirectory(t), 'missing', 'index');
  const error = await throwsSilt(t, () => IndexWriter.create(new FrameTable(), path), 'IO_FAILED');
  t.true(error.message.includes(path));
});
