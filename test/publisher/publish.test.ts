import { readdir } from 'node:fs/promises';
import test from 'ava';
import { chunkerSpec } from '../../src/chunker/chunker.ts';
import { equalBytes } from '../../src/core/bytes.ts';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { SEGMENT_BYTES } from '../../src/publisher/scan-image.ts';
import { openReleases } from '../../src/trust/unsigned-releases.ts';
import { publishBench } from '../support/publish-bench.ts';
import { readIndex, rebuildImage } from '../support/rebuild-image.ts';
import { dataKeys, repositoryObjects } from '../support/repository-objects.ts';
import { sampleData } from '../support/sample-data.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { throwsSilt } from '../support/throws-silt.ts';

test('what is published can be rebuilt from the repository, byte by byte', async (t) => {
  const bench = await publishBench(t);
  const image = sampleData('sparse', 3 * MiB);
  const report = await bench.publish('1.0', { rootfs: await bench.file('image', image) });
  const manifest = await openReleases(bench.store).find('os', { version: '1.0' });
  t.deepEqual(manifest, report.manifest);
  t.like(manifest, { product: 'os', version: '1.0', counter: 1, created: '2026-01-02T03:04:05.678Z' });
  const [rootfs] = manifest.images;
  t.like(rootfs, { name: 'rootfs', size: 3 * MiB });
  t.true(equalBytes(await rebuildImage(bench.store, rootfs!), image));
  t.deepEqual(await readdir(bench.directory), ['image', 'repository'], 'no temporary files stay');
});

test('the report tells what was read and stored', async (t) => {
  const bench = await publishBench(t);
  const image = seededBytes('report', 3 * MiB);
  const report = await bench.publish('1', { a: await bench.file('image', image) });
  const objects = await repositoryObjects(bench.store);
  const [pack] = dataKeys(objects).filter((key) => key.startsWith('packs/'));
  const packSize = (await bench.store.has(pack!))?.size ?? 0;
  const { index } = report.manifest.images[0]!;
  t.like(report, {
    unchanged: false,
    bytesRead: 3 * MiB,
    objectsUploaded: 2,
    bytesUploaded: packSize + index.size,
    newBytes: 3 * MiB,
    knownChunksFull: false,
  });
  t.true(report.chunks > 300 && report.newChunks === report.chunks);
  t.true(report.storedBytes < packSize && report.storedBytes > 0.99 * 3 * MiB);
});

test('every object that is named by a digest has it', async (t) => {
  const bench = await publishBench(t);
  await bench.publish('1', { a: await bench.file('a', sampleData('text', MiB)) });
  await bench.publish('2', { a: await bench.file('b', sampleData('text', MiB, 2)) });
  const objects = await repositoryObjects(bench.store);
  t.is(dataKeys(objects).length, 4);
  for (const [key, digest] of Object.entries(objects)) {
    if (key === 'metadata/timestamp.json') continue;
    t.is(/[0-9a-f]{64}/.exec(key)?.[0], digest, key);
  }
});

test('a second release stores only its new chunks', async (t) => {
  const bench = await publishBench(t);
  const old = seededBytes('old', 4 * MiB);
  const inserted = seededBytes('inserted', 50_000);
  const next = Buffer.concat([old.subarray(0, 2_000_000), inserted, old.subarray(2_000_000)]);
  await bench.publish('1', { a: await bench.file('old', old) });
  const report = await bench.publish('2', { a: await bench.file('new', next) });
  t.true(report.newBytes >= 50_000 && report.newBytes < 50_000 + 64 * KiB, String(report.newBytes));
  t.true(report.bytesUploaded < 120 * KiB, String(report.bytesUploaded));
  t.is(report.manifest.counter, 2);
  for (const image of report.manifest.images) {
    t.true(equalBytes(await rebuildImage(bench.store, image), next));
  }
});

test('a release of known chunks only stores an index and no pack', async (t) => {
  const bench = await publishBench(t);
  const [one, two] = [seededBytes('one', 64 * KiB), seededBytes('two', 64 * KiB)];
  const chunker = chunkerSpec('fixed-1', 4096);
  await bench.publish('1', { a: await bench.file('a', Buffer.concat([one, two])) }, { chunker });
  const swapped = await bench.file('b', Buffer.concat([two, one]));
  const report = await bench.publish('2', { a: swapped }, { chunker });
  t.like(report, { unchanged: false, chunks: 32, newChunks: 0, newBytes: 0, storedBytes: 0 });
  t.is(report.objectsUploaded, 1);
  t.is(report.bytesUploaded, report.manifest.images[0]!.index.size);
  await t.notThrowsAsync(rebuildImage(bench.store, report.manifest.images[0]!));
});

test('the same release again is unchanged and stores nothing', async (t) => {
  const bench = await publishBench(t);
  const path = await bench.file('image', sampleData('text', MiB));
  const first = await bench.publish('1', { a: path });
  const before = await repositoryObjects(bench.store);
  const again = await bench.publish('1', { a: path }, { created: new Date(0) });
  t.like(again, { unchanged: true, bytesRead: MiB, bytesUploaded: 0, objectsUploaded: 0, newChunks: 0 });
  t.deepEqual(again.manifest, first.manifest);
  t.deepEqual(await repositoryObjects(bench.store), before);
});

test('the same release again, for another channel, points that channel at it', async (t) => {
  const bench = await publishBench(t);
  const path = await bench.file('image', sampleData('text', MiB));
  await bench.publish('1', { a: path }, { channel: 'canary' });
  const again = await bench.publish('1', { a: path }, { channel: 'stable' });
  t.true(again.unchanged);
  const releases = openReleases(bench.store);
  t.is((await releases.find('os', { channel: 'stable' })).version, '1');
  t.is((await releases.find('os', { channel: 'canary' })).version, '1');
});

test('a version that is taken by other images is refused and nothing is stored', async (t) => {
  const bench = await publishBench(t);
  const path = await bench.file('image', seededBytes('taken', 200_000));
  const other = await bench.file('other', seededBytes('other', 200_000));
  await bench.publish('1', { a: path });
  const before = await repositoryObjects(bench.store);
  await throwsSilt(t, () => bench.publish('1', { a: other }), 'RELEASE_EXISTS');
  await throwsSilt(t, () => bench.publish('1', { renamed: path }), 'RELEASE_EXISTS');
  await throwsSilt(t, () => bench.publish('1', { a: path, b: other }), 'RELEASE_EXISTS');
  t.deepEqual(await repositoryObjects(bench.store), before);
});

test('images of one release share their chunks', async (t) => {
  const bench = await publishBench(t);
  const [shared, own] = [seededBytes('shared', MiB), seededBytes('own', 300_000)];
  const second = Buffer.concat([own, shared]);
  const report = await bench.publish('1', {
    a: await bench.file('a', shared),
    b: await bench.file('b', second),
    c: await bench.file('c', shared),
  });
  t.true(report.newBytes < MiB + 300_000 + 64 * KiB, String(report.newBytes));
  t.is(report.bytesRead, MiB + second.length + MiB);
  t.deepEqual(
    report.manifest.images.map(({ name }) => name),
    ['a', 'b', 'c'],
  );
  t.is(report.manifest.images[0]?.index.sha256, report.manifest.images[2]?.index.sha256);
  t.true(equalBytes(await rebuildImage(bench.store, report.manifest.images[1]!), second));
});

test('images of no byte, of one byte and of one zero byte can be published', async (t) => {
  const bench = await publishBench(t);
  const contents = { empty: [], one: [7], zero: [0] };
  const paths: Record<string, string> = {};
  for (const [name, bytes] of Object.entries(contents)) {
    paths[name] = await bench.file(name, Uint8Array.from(bytes));
  }
  const { manifest, ...report } = await bench.publish('1', paths);
  t.like(report, { bytesRead: 2, chunks: 2, newChunks: 1, newBytes: 1 });
  for (const image of manifest.images) {
    const { head } = await readIndex(bench.store, image);
    const bytes = contents[image.name as keyof typeof contents];
    t.is(head.windows.length, bytes.length);
    t.deepEqual([...(await rebuildImage(bench.store, image))], bytes);
  }
});

test('an image of zeros needs no pack, whatever its size', async (t) => {
  const bench = await publishBench(t);
  const report = await bench.publish('1', { a: await bench.file('a', new Uint8Array(SEGMENT_BYTES + 5)) });
  t.is(report.objectsUploaded, 1);
  t.true(report.bytesUploaded < 200);
  t.is((await rebuildImage(bench.store, report.manifest.images[0]!)).length, SEGMENT_BYTES + 5);
});

test('an image larger than a segment is one image all the same', async (t) => {
  const bench = await publishBench(t);
  const part = seededBytes('large', SEGMENT_BYTES - 12_345);
  const gap = new Uint8Array(3 * MiB);
  const image = Buffer.concat([part, gap, seededBytes('rest', 2 * MiB), part]);
  const report = await bench.publish('1', { a: await bench.file('a', image) }, { workers: 2 });
  // The second copy of the part is found, but for the chunks at its ends.
  t.true(report.newBytes < part.length + 2 * MiB + 128 * KiB, String(report.newBytes));
  const rebuilt = await rebuildImage(bench.store, report.manifest.images[0]!);
  t.true(equalBytes(rebuilt, image));
});

test('an index names the chunker that cut its image', async (t) => {
  const bench = await publishBench(t);
  const image = Buffer.concat([seededBytes('fixed', 10 * 4096), seededBytes('fixed', 4096 + 17)]);
  const chunker = chunkerSpec('fixed-1', 4096);
  const report = await bench.publish('1', { a: await bench.file('a', image) }, { chunker });
  // The last two chunks: one seen before, one short.
  t.like(report, { chunks: 12, newChunks: 11 });
  const { head } = await readIndex(bench.store, report.manifest.images[0]!);
  t.deepEqual(head.chunker, { name: 'fixed-1', min: 4096, average: 4096, max: 4096 });
  t.true(equalBytes(await rebuildImage(bench.store, report.manifest.images[0]!), image));
});

test('the largest chunks make windows and frames that hold them', async (t) => {
  const bench = await publishBench(t);
  const image = Buffer.concat([
    seededBytes('large chunks', 20 * MiB),
    Buffer.alloc(17 * MiB),
    Buffer.from('x'),
  ]);
  const chunker = chunkerSpec('fastcdc-1', 16 * MiB);
  const report = await bench.publish('1', { a: await bench.file('a', image) }, { chunker });
  const rebuilt = await rebuildImage(bench.store, report.manifest.images[0]!);
  t.true(equalBytes(rebuilt, image));
});

test('brotli serves as well as zstd', async (t) => {
  const bench = await publishBench(t);
  const image = sampleData('text', MiB);
  const compression = { codec: 'brotli', level: 1 } as const;
  const report = await bench.publish('1', { a: await bench.file('a', image) }, { compression });
  t.true(report.storedBytes < 0.9 * MiB);
  t.true(equalBytes(await rebuildImage(bench.store, report.manifest.images[0]!), image));
});

test('progress grows up to the sizes of the images', async (t) => {
  const bench = await publishBench(t);
  const seen: number[] = [];
  const total = 2 * MiB + 17;
  await bench.publish(
    '1',
    { a: await bench.file('a', seededBytes('a', 2 * MiB)), b: await bench.file('b', new Uint8Array(17)) },
    {
      onProgress: ({ bytesDone, bytesTotal }) => {
        t.is(bytesTotal, total);
        seen.push(bytesDone);
      },
    },
  );
  t.true(seen.length > 2);
  t.deepEqual(
    seen,
    seen.toSorted((a, b) => a - b),
  );
  t.is(seen.at(-1), total);
});
