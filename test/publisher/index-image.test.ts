import { open } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { windowSpec } from '../../src/chunker/windows.ts';
import { MiB } from '../../src/core/sizes.ts';
import { SourceFile } from '../../src/io/source-file.ts';
import { openPool } from '../../src/pool/pool.ts';
import { ChunkTable } from '../../src/publisher/chunk-table.ts';
import { FRAME_SPAN_BYTES, FramePacker } from '../../src/publisher/frame-packer.ts';
import { FrameTable } from '../../src/publisher/frame-table.ts';
import { indexImage } from '../../src/publisher/index-image.ts';
import { IndexWriter } from '../../src/publisher/index-writer.ts';
import { defaultChunker } from '../../src/publisher/publish.ts';
import { SEGMENT_BYTES } from '../../src/publisher/scan-image.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

test('windows do not pile up behind a frame that nothing fills', async (t) => {
  const path = join(await temporaryDirectory(t), 'image');
  const size = FRAME_SPAN_BYTES + 10 * SEGMENT_BYTES;
  {
    // One chunk or two of data, and nothing but zeros behind it: a hole, which takes no room.
    await using file = await open(path, 'w');
    await file.write(seededBytes('first', 5000));
    await file.truncate(size);
  }
  await using real = openPool(2);
  let scans = 0;
  const pool: typeof real = {
    ...real,
    scan: (task) => {
      scans += 1;
      return real.scan(task);
    },
  };
  const frames = new FrameTable();
  const compression = { codec: 'zstd', level: 1 } as const;
  const packer = new FramePacker(pool, frames, { compression, onPack: async () => {} });
  const tables = { pool, chunks: new ChunkTable(), frames, packer, chunker: defaultChunker };
  const writer = await IndexWriter.create(frames, `${path}.index`);
  t.teardown(() => writer.close());
  using file = SourceFile.open(path);
  let scansAtFirst: number | undefined;
  let bytesDone = 0;
  await indexImage(file, tables, writer, windowSpec(defaultChunker.max, size), (done) => {
    scansAtFirst ??= scans;
    bytesDone = done;
  });
  t.is(bytesDone, size);
  const segments = size / SEGMENT_BYTES;
  t.is(scans, segments);
  t.true(scansAtFirst! < segments, `${scansAtFirst} of ${segments} segments read before the first window`);
  t.is(frames.frames, 1);
  t.true(writer.windows > 1 && size > 100 * MiB);
});
