import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { sha256, sha256Hex, toHex } from '../../src/core/digest.ts';
import { KiB } from '../../src/core/sizes.ts';
import { openIndex } from '../../src/publisher/known-chunks.ts';
import { readPackFrames } from '../../src/publisher/read-pack.ts';
import { contentKeyFor } from '../../src/trust/seal/content-key.ts';
import { masterSecretOf } from '../../src/trust/seal/master-secret.ts';
import { withFlips } from '../support/edited-image.ts';
import { dataKeys, repositoryObjects } from '../support/repository-objects.ts';
import { sampleData } from '../support/sample-data.ts';
import { asMaster, makeDevices, master, sealedBench } from '../support/sealed-release.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const image = sampleData('text', 400 * KiB);
const noise = seededBytes('sealed image', 600 * KiB);

test('sealed objects contain no chunk id, no digest of the image and no name of it', async (t) => {
  const bench = await sealedBench(t);
  const { a } = await makeDevices('a');
  const old = await bench.file('old', image);
  await bench.seal('1', { 'name-of-image': old }, [a]);
  const next = withFlips(image, 0, image.length, 700);
  const file = await bench.file('new', next);
  const { manifest } = await bench.seal('2', { 'name-of-image': file }, [a], { bases: { last: 1 } });
  const key = await contentKeyFor(manifest, asMaster);
  const { head } = await openIndex(bench.store, manifest.images[0]!, key);
  const secrets: (readonly [string, Uint8Array])[] = [
    ['the name', Buffer.from('name-of-image')],
    ['the digest', sha256(next)],
    ['the digest of the Base', sha256(image)],
    ['the key', asBytes(key!.id)],
    ...head.windows.flatMap(({ digest }) => (digest ? [['a window', digest] as const] : [])),
  ];
  for (const entry of head.packs) {
    const pack = await bench.object(`packs/${toHex(entry.digest)}`);
    const seal = key!.objectSeal('pack', entry.trailerDigest);
    for (const { chunkIds, tag } of readPackFrames(pack, seal)) {
      secrets.push(['a tag', tag]);
      // A quarter of a ChunkId would do to know the chunk.
      for (let at = 0; at < chunkIds.length; at += 32)
        secrets.push(['a chunk', chunkIds.subarray(at, at + 8)]);
    }
  }
  t.true(secrets.length > 30);
  const objects = dataKeys(await repositoryObjects(bench.store));
  t.true(objects.some((name) => name.startsWith('deltas/')));
  for (const name of objects) {
    const bytes = await bench.object(name);
    for (const [what, secret] of secrets) t.is(bytes.indexOf(secret), -1, `${what} in ${name}`);
  }
});

function asBytes(hex: string): Uint8Array {
  return Buffer.from(hex, 'hex');
}

test('the same images give the same sealed bytes, whoever publishes them and with however many workers', async (t) => {
  const { a } = await makeDevices('a');
  const found: Record<string, string>[] = [];
  for (const workers of [1, 3]) {
    const bench = await sealedBench(t);
    await bench.seal('1', { a: await bench.file('old', image) }, [a], { workers });
    const next = await bench.file('new', withFlips(image, 0, image.length, 900));
    await bench.seal('2', { a: next }, [a], { workers, bases: { last: 1 } });
    const objects = await repositoryObjects(bench.store);
    found.push(Object.fromEntries(dataKeys(objects).map((key) => [key, objects[key]!])));
  }
  t.deepEqual(found[0], found[1]);
  t.true(Object.keys(found[0]!).length >= 5);
});

test('a sealed release takes few bytes more than one that is not sealed', async (t) => {
  const { a } = await makeDevices('a');
  const [plain, sealed] = [await sealedBench(t), await sealedBench(t)];
  const before = await plain.publish('1', { a: await plain.file('a', noise) });
  const after = await sealed.seal('1', { a: await sealed.file('a', noise) }, [a]);
  const { envelope } = after.manifest.sealing!;
  const more = after.bytesUploaded - before.bytesUploaded - envelope.size;
  t.true(more > 0 && more < 500, `${more} bytes more`);
});

test('one more recipient opens the next release, which shares its chunks with the one before', async (t) => {
  const bench = await sealedBench(t);
  const { a, b } = await makeDevices('a', 'b');
  const first = await bench.seal('1', { a: await bench.file('1', noise) }, [a]);
  const grown = Buffer.concat([noise, seededBytes('more', 20 * KiB)]);
  const second = await bench.seal('2', { a: await bench.file('2', grown) }, [a, b]);
  t.is(second.manifest.sealing?.epoch, 1);
  t.is(second.manifest.sealing?.keyId, first.manifest.sealing?.keyId);
  t.not(second.manifest.sealing?.envelope.sha256, first.manifest.sealing?.envelope.sha256);
  t.true(second.newBytes < 60 * KiB, `${second.newBytes}`);
  for (const party of [a, b]) {
    const output = join(bench.directory, `image of ${party.name}`);
    await bench.fetch({ output }, bench.keysOf(party));
    t.is(sha256Hex(await readFile(output)), sha256Hex(grown));
  }
});

test('the same recipients share the envelope of the release before', async (t) => {
  const bench = await sealedBench(t);
  const { a, b } = await makeDevices('a', 'b');
  const first = await bench.seal('1', { a: await bench.file('1', noise) }, [a, b]);
  const second = await bench.seal('2', { a: await bench.file('2', image) }, [b, a, a]);
  t.deepEqual(second.manifest.sealing, first.manifest.sealing);
});

test('a revoked recipient cannot open the next release, and still opens those of its epoch', async (t) => {
  const bench = await sealedBench(t);
  const { a, b } = await makeDevices('a', 'b');
  const file = await bench.file('1', image);
  const first = await bench.seal('1', { a: file }, [a, b]);
  const second = await bench.seal('2', { a: await bench.file('2', noise) }, [b]);
  const third = await bench.seal('3', { a: file }, [b]);
  t.deepEqual(
    [first, second, third].map(({ manifest }) => manifest.sealing?.epoch),
    [1, 2, 2],
  );
  t.is(third.newBytes, first.newBytes, 'what epoch 1 holds is not shared');
  const output = join(bench.directory, 'image');
  await throwsSilt(t, () => bench.fetch({ output }, bench.keysOf(a)), 'SEAL_NOT_RECIPIENT');
  t.false(existsSync(output));
  await bench.fetch({ output }, bench.keysOf(b));
  t.is(sha256Hex(await readFile(output)), sha256Hex(image));
  const old = join(bench.directory, 'old');
  await bench.fetch({ output: old, selector: { version: '1' } }, bench.keysOf(a));
  t.is(sha256Hex(await readFile(old)), sha256Hex(image));
});

test('a sealed release shares no chunks with those of other products, nor with any that is not sealed', async (t) => {
  const bench = await sealedBench(t);
  const { a } = await makeDevices('a');
  const file = await bench.file('image', noise);
  const reports = [
    await bench.seal('1', { a: file }, [a]),
    await bench.seal('1', { a: file }, [a], { product: 'other' }),
    await bench.publish('2', { a: file }),
    await bench.publish('1', { a: file }, { product: 'third' }),
    await bench.seal('3', { a: file }, [a]),
  ];
  t.deepEqual(
    reports.map(({ newBytes }) => newBytes),
    [noise.length, noise.length, noise.length, 0, 0],
  );
});

test('another master secret begins an epoch that shares nothing, and its releases open', async (t) => {
  const bench = await sealedBench(t);
  const { a } = await makeDevices('a');
  const file = await bench.file('image', noise);
  await bench.seal('1', { a: file }, [a]);
  const other = masterSecretOf(seededBytes('another master', 32), 'other.json');
  const sealing = { master: other, recipients: [a.certificate] };
  const { manifest, newBytes } = await bench.publish('2', { a: file }, { sealing });
  t.is(manifest.sealing?.epoch, 2);
  t.is(newBytes, noise.length);
  const output = join(bench.directory, 'fetched');
  await bench.fetch({ output }, bench.keysOf(a));
  t.is(sha256Hex(await readFile(output)), sha256Hex(noise));
});

test('deltas start from sealed bases, of this epoch and earlier ones, rebuilt or at hand', async (t) => {
  const bench = await sealedBench(t);
  const { a, b } = await makeDevices('a', 'b');
  const path = await bench.file('1', image);
  await bench.seal('1', { a: path }, [a, b]);
  const versions = ['2', '3'];
  for (const [i, version] of versions.entries()) {
    const next = await bench.file(version, withFlips(image, i, image.length, 900 + i));
    const baseCopies = version === '3' ? [{ name: 'a', path }] : [];
    const { manifest } = await bench.seal(version, { a: next }, [b], {
      bases: { versions: ['1'] },
      baseCopies,
    });
    const [delta] = manifest.images[0]?.deltas ?? [];
    t.is(delta?.base.sha256, sha256Hex(image));
    const output = join(bench.directory, `image ${version}`);
    const report = await bench.fetch({ output, seeds: [path] }, bench.keysOf(b));
    t.true(report.bytesFromDelta > 0, JSON.stringify(report));
    t.is(sha256Hex(await readFile(output)), sha256Hex(await readFile(next)));
  }
});

test('a delta from a sealed base needs the secret that sealed it', async (t) => {
  const bench = await sealedBench(t);
  const { a } = await makeDevices('a');
  await bench.seal('1', { a: await bench.file('1', image) }, [a]);
  const next = await bench.file('2', withFlips(image, 0, image.length, 900));
  const bases = { last: 1 };
  await throwsSilt(t, () => bench.publish('2', { a: next }, { bases }), 'SEAL_KEY_REQUIRED');
  const other = masterSecretOf(seededBytes('another master', 32), 'other.json');
  const sealing = { master: other, recipients: [a.certificate] };
  await throwsSilt(t, () => bench.publish('2', { a: next }, { bases, sealing }), 'SEAL_NOT_RECIPIENT');
});

test('publishing a version again means the same recipients, and stores nothing', async (t) => {
  const bench = await sealedBench(t);
  const { a, b } = await makeDevices('a', 'b');
  const file = { a: await bench.file('1', image) };
  await bench.seal('1', file, [a]);
  t.like(await bench.seal('1', file, [a]), { unchanged: true, bytesUploaded: 0 });
  await throwsSilt(t, () => bench.seal('1', file, [a, b]), 'RELEASE_EXISTS');
  await throwsSilt(t, () => bench.seal('1', file, [b]), 'RELEASE_EXISTS');
  await throwsSilt(t, () => bench.publish('1', file), 'RELEASE_EXISTS');
  await bench.publish('2', file);
  await throwsSilt(t, () => bench.seal('2', file, [a]), 'RELEASE_EXISTS');
});

test('sealing for nobody, or for what is no certificate, is refused before anything is stored', async (t) => {
  const bench = await sealedBench(t);
  const file = { a: await bench.file('1', image) };
  await throwsSilt(t, () => bench.seal('1', file, []), 'USAGE');
  const sealing = { master, recipients: ['no certificate'] };
  await t.throwsAsync(() => bench.publish('1', file, { sealing }));
  t.deepEqual(await repositoryObjects(bench.store), {});
});
