import { appendFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { chunkerSpec } from '../../src/chunker/chunker.ts';
import { equalBytes } from '../../src/core/bytes.ts';
import { sha256Hex } from '../../src/core/digest.ts';
import { SiltError } from '../../src/core/errors.ts';
import { KiB, MiB } from '../../src/core/sizes.ts';
import type { ManifestDelta } from '../../src/format/manifest.ts';
import type { PublishOptions } from '../../src/publisher/publish.ts';
import type { KeptDelta } from '../../src/publisher/publish-report.ts';
import type { Store } from '../../src/store/store.ts';
import { openReleases } from '../../src/trust/unsigned-releases.ts';
import { withFlips, withInsertion } from '../support/edited-image.ts';
import { type PublishBench, publishBench } from '../support/publish-bench.ts';
import { readDelta, rebuildByDelta } from '../support/rebuild-by-delta.ts';
import { rebuildImage } from '../support/rebuild-image.ts';
import { repositoryObjects } from '../support/repository-objects.ts';
import { sampleData } from '../support/sample-data.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { throwsSilt } from '../support/throws-silt.ts';
import { withBeforePut } from '../support/with-before-put.ts';

const first = Buffer.concat([
  seededBytes('program', MiB),
  new Uint8Array(600 * KiB),
  sampleData('text', 400 * KiB),
]);
const second = withFlips(withInsertion(first, 300_000, 700, 'in'), 0, 900_000, 2000);
const third = withFlips(withInsertion(second, 100_000, 50, 'again'), 400_000, MiB, 3000);

/** Publishes the three images as 1, 2 and 3, the last with `options`. */
async function threeReleases(t: ExecutionContext<unknown>, options: Partial<PublishOptions>) {
  const bench = await publishBench(t);
  const paths = await Promise.all([first, second, third].map((image, i) => bench.file(`a${i + 1}`, image)));
  await bench.publish('1', { a: paths[0]! });
  await bench.publish('2', { a: paths[1]! });
  const report = await bench.publish('3', { a: paths[2]! }, options);
  return { ...bench, paths, report };
}

/** The one image of a release, and its deltas. */
async function deltasOf({ store }: PublishBench, version: string) {
  const { images } = await openReleases(store).find('os', { version });
  const [image] = images;
  return { image: image!, deltas: image!.deltas ?? [] };
}

const keysOf = (objects: Readonly<Record<string, string>>, prefix: string): string[] =>
  Object.keys(objects).filter((key) => key.startsWith(prefix));

test('deltas are made from the last releases, and each of them makes the image', async (t) => {
  const { report, ...bench } = await threeReleases(t, { bases: { last: 2 } });
  const { image, deltas } = await deltasOf(bench, '3');
  t.deepEqual(
    deltas.map(({ base }) => base.sha256),
    [sha256Hex(second), sha256Hex(first)],
  );
  for (const [i, base] of [second, first].entries()) {
    t.true(equalBytes(await rebuildByDelta(bench.store, image, deltas[i]!, base), third));
  }
  t.true(equalBytes(await rebuildImage(bench.store, image), third), 'chunks are there as ever');
  t.like(report, { deltasKept: 2, deltasDropped: 0 });
  t.deepEqual((await readdir(bench.directory)).sort(), ['a1', 'a2', 'a3', 'repository']);
});

test('the report says what a delta is made of and what it spares', async (t) => {
  const { report, ...bench } = await threeReleases(t, { bases: { versions: ['1'] } });
  const { deltas } = await deltasOf(bench, '3');
  const [made] = report.deltas as [KeptDelta];
  t.is(report.deltas.length, 1);
  const { sha256, size, head } = deltas[0] as ManifestDelta;
  t.like(made, { image: 'a', kept: true, sha256, size, head });
  t.deepEqual(made.base, { versions: ['1'], sha256: sha256Hex(first), size: first.length });
  const { windows } = (await readDelta(bench.store, deltas[0]!)).head;
  const kinds = { none: 0, zero: 0, copy: 0, coded: 0 };
  for (const { source } of windows) kinds[source.kind] += 1;
  t.deepEqual(made.windows, kinds);
  t.true(kinds.coded > 0);
  const { control, difference, literal, head: headBytes } = made.bytes;
  t.true(Math.abs(control + difference + literal + headBytes - size) < 64 * windows.length);
  // The flips touch every chunk of the first 900 kB.
  t.true(made.chunkBytes > 800_000 && made.chunkBytes < third.length, String(made.chunkBytes));
  t.true(made.fetchBytes < 30_000, String(made.fetchBytes));
  t.true(report.bytesUploaded > size);
});

test('without bases there are no deltas, and the manifest does not mention them', async (t) => {
  const { report, ...bench } = await threeReleases(t, {});
  const { image } = await deltasOf(bench, '3');
  t.false('deltas' in image);
  t.deepEqual(report.deltas, []);
  t.deepEqual(keysOf(await repositoryObjects(bench.store), 'deltas/'), []);
});

test('a local copy of the base and the one rebuilt from the repository give the same delta', async (t) => {
  const rebuilt = await threeReleases(t, { bases: { last: 2 } });
  const bench = await publishBench(t);
  const copies = await Promise.all([first, second].map((image, i) => bench.file(`copy${i}`, image)));
  for (const [i, path] of copies.entries()) await bench.publish(`${i + 1}`, { a: path });
  const read: string[] = [];
  const store = {
    ...withBeforePut(bench.store, () => {}),
    getRange(...[key, range, options]: Parameters<typeof bench.store.getRange>) {
      if (key.startsWith('packs/')) read.push(`${range.length}`);
      return bench.store.getRange(key, range, options);
    },
  };
  const baseCopies = copies.map((path) => ({ name: 'a', path }));
  const options = { bases: { last: 2 }, baseCopies };
  await bench.publish('3', { a: await bench.file('third', third) }, options, store);
  t.deepEqual(await repositoryObjects(bench.store), await repositoryObjects(rebuilt.store));
  // Trailers tell which chunks there are; frames were not asked for.
  t.true(read.length === 2 && read.every((length) => Number(length) < 60_000), read.join());
});

test('one worker and two make the same deltas', async (t) => {
  const one = await threeReleases(t, { bases: { last: 2 }, workers: 1 });
  const two = await threeReleases(t, { bases: { last: 2 }, workers: 2 });
  const objects = await repositoryObjects(one.store);
  t.is(keysOf(objects, 'deltas/').length, 2);
  t.deepEqual(await repositoryObjects(two.store), objects);
});

test('an image that did not change needs no delta, and one image of two releases is one base', async (t) => {
  const bench = await publishBench(t);
  const [a, b] = [await bench.file('a', first), await bench.file('b', second)];
  await bench.publish('1', { x: a, y: b });
  await bench.publish('2', { x: a, y: b });
  const report = await bench.publish('3', { x: b, y: b, z: b }, { bases: { last: 2 } });
  t.deepEqual(
    report.deltas.map(({ image, base, kept, ...rest }) => [
      image,
      base.versions.join(),
      kept || ('reason' in rest && rest.reason),
    ]),
    [
      ['x', '2,1', true],
      ['y', '2,1', 'same-image'],
    ],
  );
  t.like(report, { deltasKept: 1, deltasDropped: 1 });
});

test('images of one release that have the same bytes share the delta', async (t) => {
  const bench = await publishBench(t);
  const [a, b] = [await bench.file('a', first), await bench.file('b', second)];
  await bench.publish('1', { x: a, y: a });
  const { manifest } = await bench.publish('2', { x: b, y: b }, { bases: { last: 1 } });
  const [x, y] = manifest.images;
  t.is(x?.deltas?.length, 1);
  t.deepEqual(y?.deltas, x?.deltas);
  t.is(keysOf(await repositoryObjects(bench.store), 'deltas/').length, 1);
});

test('a delta that spares nothing is not kept', async (t) => {
  const bench = await publishBench(t);
  await bench.publish('1', { a: await bench.file('a1', first) });
  const unrelated = seededBytes('something else', MiB);
  const report = await bench.publish('2', { a: await bench.file('a2', unrelated) }, { bases: { last: 1 } });
  t.like(report.deltas[0], { kept: false, reason: 'no-saving' });
  t.like(report, { deltasKept: 0, deltasDropped: 1 });
  t.false('deltas' in report.manifest.images[0]!);
  t.deepEqual(keysOf(await repositoryObjects(bench.store), 'deltas/'), []);
});

test('windows of data that the base has nothing of are left to the chunks', async (t) => {
  const bench = await publishBench(t);
  const other = seededBytes('of another release', 2 * MiB);
  // Zeros end a window, so that none has both the chunks of release 1 and those of this one.
  const mixed = Buffer.concat([second, new Uint8Array(3 * MiB - second.length), other]);
  const chunker = chunkerSpec('fixed-1', 4 * KiB);
  await bench.publish('1', { a: await bench.file('a1', other) }, { chunker });
  await bench.publish('2', { a: await bench.file('a2', first) }, { chunker });
  const path = await bench.file('a3', mixed);
  const report = await bench.publish('3', { a: path }, { chunker, bases: { last: 1 } });
  const [made] = report.deltas as [KeptDelta];
  t.true(made.kept && made.windows.none >= 3 && made.windows.coded >= 1, JSON.stringify(made));
  t.true(made.size < 20_000, String(made.size));
  const { control, difference, literal, head } = made.bytes;
  t.true(Math.abs(control + difference + literal + head - made.size) < 200, JSON.stringify(made));
  t.true(made.fetchBytes > 2 * MiB && made.fetchBytes < made.chunkBytes - 700_000, JSON.stringify(made));
  const { image, deltas } = await deltasOf(bench, '3');
  t.true(equalBytes(await rebuildByDelta(bench.store, image, deltas[0]!, first), mixed));
});

test('a base that there is not is an error before any work', async (t) => {
  const bench = await publishBench(t);
  const path = await bench.file('a', first);
  const publish = (version: string, bases: PublishOptions['bases']) =>
    bench.publish(version, { a: path }, { bases });
  await throwsSilt(t, () => publish('1', { versions: ['0'] }), 'RELEASE_NOT_FOUND');
  t.deepEqual(await repositoryObjects(bench.store), {});
  t.like(await publish('1', { last: 3 }), { deltas: [] });
  await throwsSilt(t, () => publish('2', { versions: ['1', '0'] }), 'RELEASE_NOT_FOUND');
});

test('the same version again, with other bases, stays what it is', async (t) => {
  const { paths, ...bench } = await threeReleases(t, { bases: { last: 1 } });
  const before = await repositoryObjects(bench.store);
  const again = await bench.publish('3', { a: paths[2]! }, { bases: { versions: ['1', '2'] } });
  t.like(again, { unchanged: true, deltas: [], objectsUploaded: 0 });
  t.deepEqual(await repositoryObjects(bench.store), before);
});

test('deltas are stored ahead of the manifest', async (t) => {
  const bench = await publishBench(t);
  await bench.publish('1', { a: await bench.file('a1', first) });
  const order: string[] = [];
  const store = withBeforePut(bench.store, (key) => void order.push(key.split('/')[0]!));
  await bench.publish('2', { a: await bench.file('a2', second) }, { bases: { last: 1 } }, store);
  t.deepEqual(order, ['packs', 'indexes', 'deltas', 'targets', 'metadata']);
});

test('whichever write fails, readers see the old release and the next run comes to the same end', async (t) => {
  const old = sampleData('text', 200 * KiB);
  const images = [old, withFlips(old, 0, old.length, 700)];
  const prepare = async () => {
    const bench = await publishBench(t);
    const paths = await Promise.all(images.map((image, i) => bench.file(`a${i + 1}`, image)));
    await bench.publish('1', { a: paths[0]! });
    const publish = (store?: Store) => bench.publish('2', { a: paths[1]! }, { bases: { last: 1 } }, store);
    return { ...bench, publish };
  };
  const undisturbed = await prepare();
  await undisturbed.publish();
  const after = await repositoryObjects(undisturbed.store);
  for (let failing = 1; failing <= 5; failing++) {
    const { publish, store, directory } = await prepare();
    const faulty = withBeforePut(store, (key, ordinal) => {
      if (ordinal === failing) throw new SiltError('NO_SPACE', `no room for ${key}`);
    });
    await throwsSilt(t, () => publish(faulty), 'NO_SPACE');
    t.is((await openReleases(store).find('os', { latest: true })).version, '1');
    t.deepEqual((await readdir(directory)).sort(), ['a1', 'a2', 'repository']);
    await publish();
    t.deepEqual(await repositoryObjects(store), after);
  }
});

test('a base or an image that changes while a delta is made is not published', async (t) => {
  for (const changed of ['a1', 'a2']) {
    const bench = await publishBench(t);
    const paths = await Promise.all([first, second].map((image, i) => bench.file(`a${i + 1}`, image)));
    await bench.publish('1', { a: paths[0]! });
    let done = false;
    const options = {
      bases: { last: 1 },
      baseCopies: [{ name: 'a', path: paths[0]! }],
      onProgress: ({ phase }: { readonly phase: string }) => {
        if (phase === 'images' || done) return;
        done = true;
        appendFileSync(join(bench.directory, changed), 'more');
      },
    };
    await throwsSilt(t, () => bench.publish('2', { a: paths[1]! }, options), 'IMAGE_CHANGED');
    t.true(done);
    t.is((await openReleases(bench.store).find('os', { latest: true })).version, '1');
  }
});

const reason = new SiltError('INTERRUPTED', 'stopped by Ctrl-C');

test('progress tells the phases of a delta, and Ctrl-C in any of them leaves nothing behind', async (t) => {
  const phases = new Set<string>();
  const bench = await publishBench(t);
  const paths = await Promise.all([first, second].map((image, i) => bench.file(`a${i + 1}`, image)));
  await bench.publish('1', { a: paths[0]! });
  const before = await repositoryObjects(bench.store);
  const publish = (options: Partial<PublishOptions>) =>
    bench.publish('2', { a: paths[1]! }, { bases: { last: 1 }, workers: 2, ...options });
  for (let known = 0; ; known = phases.size) {
    const abort = new AbortController();
    // Aborts in the first phase that it has not seen.
    const onProgress: PublishOptions['onProgress'] = ({ phase, about, bytesDone, bytesTotal }) => {
      t.true(bytesDone <= bytesTotal, `${phase}: ${bytesDone} of ${bytesTotal}`);
      t.is(about, phase === 'images' ? undefined : 'a from 1');
      if (phases.size === known && !phases.has(phase)) abort.abort(reason);
      phases.add(phase);
    };
    const stopped = await publish({ signal: abort.signal, onProgress }).then(
      () => undefined,
      (error: unknown) => error,
    );
    t.deepEqual((await readdir(bench.directory)).sort(), ['a1', 'a2', 'repository']);
    if (stopped === undefined) break;
    t.is(stopped, reason);
    const keys = Object.keys(await repositoryObjects(bench.store));
    t.true(keys.every((key) => key in before || /^(packs|indexes)\//.test(key)));
    t.true(known < 10);
  }
  t.true(phases.has('images') && phases.has('base') && phases.size >= 3, [...phases].join());
  t.is((await deltasOf(bench, '2')).deltas.length, 1);
});
