import test from 'ava';
import { toHex } from '../../src/core/digest.ts';
import type { Manifest, ManifestImage } from '../../src/format/manifest.ts';
import { openPool } from '../../src/pool/pool.ts';
import { baseImages, findBases, openCopies, requireRoom } from '../../src/publisher/base-releases.ts';
import { openLedger } from '../../src/trust/unsigned-releases.ts';
import { publishBench } from '../support/publish-bench.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { throwsSilt } from '../support/throws-silt.ts';

/** Four releases; the second and the third have one image `a`. */
async function repository(t: Parameters<typeof publishBench>[0]) {
  const bench = await publishBench(t);
  const ledger = openLedger(bench.store);
  const empty = await findBases(ledger, 'os', { last: 3 }, {});
  t.deepEqual(empty, []);
  await throwsSilt(t, () => findBases(ledger, 'os', { versions: ['1'] }, {}), 'RELEASE_NOT_FOUND');
  for (const [version, seed] of Object.entries({ 1: 'x', 2: 'y', 3: 'y', 4: 'z' })) {
    await bench.publish(version, { a: await bench.file(`a${version}`, seededBytes(seed, 3000)) });
  }
  await bench.publish('9', { a: await bench.file('a9', seededBytes('9', 3000)) }, { product: 'other' });
  return { ...bench, ledger };
}

const versionsOf = (list: readonly Manifest[]) => list.map(({ version }) => version);

test('bases are found by version or by counter, the newest first, and only of the product', async (t) => {
  const { ledger } = await repository(t);
  const find = (selector: Parameters<typeof findBases>[2]) => findBases(ledger, 'os', selector, {});
  t.deepEqual(versionsOf(await find({ last: 0 })), []);
  t.deepEqual(versionsOf(await find({ last: 2 })), ['4', '3']);
  t.deepEqual(versionsOf(await find({ last: 64 })), ['4', '3', '2', '1']);
  t.deepEqual(versionsOf(await find({ versions: ['1', '3', '1'] })), ['3', '1']);
  const missing = await throwsSilt(t, () => find({ versions: ['1', '9'] }), 'RELEASE_NOT_FOUND');
  t.regex(missing.message, /version "9"/);
  await throwsSilt(t, () => find({ last: 65 }), 'USAGE');
});

test('releases that have the same image are one base', async (t) => {
  const { ledger } = await repository(t);
  const bases = await findBases(ledger, 'os', { last: 4 }, {});
  t.deepEqual(
    baseImages(bases, 'a').map(({ versions }) => versions),
    [['4'], ['3', '2'], ['1']],
  );
  t.deepEqual(baseImages(bases, 'b'), []);
});

test('a local copy is used when it is an image of that name in a base, and refused otherwise', async (t) => {
  const { ledger, file } = await repository(t);
  const bases = await findBases(ledger, 'os', { versions: ['1', '4'] }, {});
  await using pool = openPool(1);
  const path = await file('copy', seededBytes('x', 3000));
  {
    await using copies = await openCopies(bases, [{ name: 'a', path }], pool);
    const [wanted] = baseImages(bases, 'a').slice(-1);
    t.deepEqual([...copies.byDigest.keys()], [wanted?.image.sha256]);
    t.is(copies.byDigest.get(wanted?.image.sha256 ?? '')?.file.path, path);
  }
  const refuse = (name: string, copy: string) => () => openCopies(bases, [{ name, path: copy }], pool);
  const otherName = await throwsSilt(t, refuse('b', path), 'USAGE');
  t.regex(otherName.message, /no base release has an image of that name/);
  const shorter = await file('short', seededBytes('x', 2999));
  const size = await throwsSilt(t, refuse('a', shorter), 'DIGEST_MISMATCH');
  t.regex(size.message, /expected the image a of 4 \(3000 bytes\), 1 \(3000 bytes\), found 2999 bytes/);
  // An image of a release that is no base.
  const another = await file('another', seededBytes('y', 3000));
  const digest = await throwsSilt(t, refuse('a', another), 'DIGEST_MISMATCH');
  t.is(digest.details.expected, baseImages(bases, 'a')[0]?.image.sha256);
  await throwsSilt(t, refuse('a', `${path}.missing`), 'IMAGE_UNREADABLE');
});

test('more deltas than a manifest holds are refused before any work', async (t) => {
  const digest = (n: number) => toHex(seededBytes(`${n}`, 32));
  const image = (name: string, sha256: string): ManifestImage => ({
    name,
    size: 1,
    sha256,
    index: { sha256, size: 1, head: { sha256, size: 1 } },
  });
  const names = Array.from({ length: 200 }, (_, i) => `image-${i}`);
  const base = (n: number): Manifest => ({
    format: 'silt-manifest',
    formatVersion: 1,
    product: 'os',
    version: `${n}`,
    counter: n,
    created: '2026-01-02T03:04:05.678Z',
    images: names.map((name) => image(name, digest(n))),
  });
  const bases = Array.from({ length: 16 }, (_, n) => base(n + 1));
  t.notThrows(() => requireRoom(bases.slice(0, 8), names));
  t.notThrows(() => requireRoom(bases, ['image-1', 'unknown']));
  const error = await throwsSilt(t, async () => requireRoom(bases, names), 'USAGE');
  t.like(error.details, { deltas: 3200 });
});
