/**
 * What this silt does not know, it refuses, and says so.
 */
import test from 'ava';
import { decodeCatalog } from '../../src/format/catalog.ts';
import { decodeIndexHead, encodeIndexHead } from '../../src/format/index-head.ts';
import { decodeManifest, encodeManifest, newManifest } from '../../src/format/manifest.ts';
import {
  decodePackFooter,
  decodePackPreamble,
  encodePackFooter,
  encodePackPreamble,
} from '../../src/format/pack.ts';
import {
  sampleDeltaManifest,
  sampleHead,
  sampleManifest,
  sampleSealedManifest,
} from '../support/format-samples.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const head = encodeIndexHead(sampleHead);
const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

test('an index of another version is unsupported, and the error names both versions', async (t) => {
  for (const version of [0, 2, 256, 65_535]) {
    const other = head.slice();
    new DataView(other.buffer).setUint16(8, version, true);
    const error = await throwsSilt(t, async () => decodeIndexHead(other), 'FORMAT_UNSUPPORTED');
    t.like(error.details, { expected: 1, found: version });
    t.regex(error.message, /update silt/);
  }
});

test('bytes with another magic are no index', async (t) => {
  for (const magic of ['silt-pak', 'SILT-IDX', 'silt-id\0', '']) {
    const other = Buffer.concat([Buffer.from(magic), head.subarray(magic.length || 8)]);
    await throwsSilt(t, async () => decodeIndexHead(other), 'FORMAT_INVALID');
  }
});

test('a pack of another version is unsupported, and other bytes are no pack', async (t) => {
  const preamble = encodePackPreamble();
  const later = preamble.slice();
  later[8] = 2;
  await throwsSilt(t, async () => decodePackPreamble(later), 'FORMAT_UNSUPPORTED');
  await throwsSilt(t, async () => decodePackPreamble(head.subarray(0, 10)), 'FORMAT_INVALID');
});

test('a pack without its end magic is no pack', async (t) => {
  const footer = encodePackFooter(10);
  t.is(decodePackFooter(footer, 100), 10);
  for (let at = 4; at < footer.length; at++) {
    const other = footer.slice();
    other[at] = 0;
    await throwsSilt(t, async () => decodePackFooter(other, 100), 'FORMAT_INVALID');
  }
  await throwsSilt(t, async () => decodePackFooter(footer, 31), 'FORMAT_INVALID');
  await throwsSilt(t, async () => decodePackFooter(footer, 2 ** 31), 'FORMAT_INVALID');
});

test('a manifest or catalog of another version is unsupported', async (t) => {
  for (const formatVersion of [0, 3, 1.5, 99]) {
    const manifest = json({ ...sampleManifest, formatVersion });
    const error = await throwsSilt(t, async () => decodeManifest(manifest), 'FORMAT_UNSUPPORTED');
    t.like(error.details, { expected: 2, found: formatVersion });
    const catalog = json({ format: 'silt-catalog', formatVersion, products: {} });
    await throwsSilt(t, async () => decodeCatalog(catalog), 'FORMAT_UNSUPPORTED');
  }
});

test('a manifest has version 2 only where a reader of version 1 would ignore what it must not', (t) => {
  const { format: _, formatVersion: __, counter, ...members } = sampleManifest;
  const { hardware, requires, sealing, allowDowngradeFrom } = sampleSealedManifest;
  t.deepEqual(newManifest(members, counter), sampleManifest);
  t.is(
    newManifest({ ...members, ...(allowDowngradeFrom && { allowDowngradeFrom }) }, counter).formatVersion,
    1,
  );
  for (const added of [hardware && { hardware }, requires && { requires }, sealing && { sealing }]) {
    t.is(newManifest({ ...members, ...added }, counter).formatVersion, 2);
  }
});

test('a document of another format is no manifest', async (t) => {
  const others = [{ format: 'silt-catalog', formatVersion: 1 }, { formatVersion: 1 }, [], null, 'x', 7];
  for (const other of others) {
    await throwsSilt(t, async () => decodeManifest(json(other)), 'FORMAT_INVALID');
  }
  for (const bytes of [Buffer.of(), Buffer.from('{'), Buffer.of(0x22, 0xff, 0x22)]) {
    await throwsSilt(t, async () => decodeManifest(bytes), 'FORMAT_INVALID');
  }
  await throwsSilt(t, async () => decodeManifest(Buffer.alloc(1024 * 1024 + 1, ' ')), 'FORMAT_INVALID');
});

test('members that this version does not know are ignored', (t) => {
  const later = {
    ...sampleManifest,
    colour: 'blue',
    images: [{ ...sampleManifest.images[0], sealed: true }],
  };
  t.deepEqual(decodeManifest(json(later)), sampleManifest);
});

test('a manifest that breaks a rule is refused, and the error names the member', async (t) => {
  const [image] = sampleDeltaManifest.images;
  const [delta] = image?.deltas ?? [];
  const withDeltas = (deltas: unknown) => ({ images: [{ ...image, deltas }] });
  const { sealing } = sampleSealedManifest;
  const envelope = sealing?.envelope;
  const withSealing = (change: object) => ({ sealing: { ...sealing, ...change } });
  const wrong: [string, object][] = [
    ['product', { product: '../etc' }],
    ['version', { version: '.hidden' }],
    ['counter', { counter: 0 }],
    ['created', { created: 'yesterday' }],
    ['images', { images: [] }],
    ['images', { images: [image, image] }],
    ['images.0.name', { images: [{ ...image, name: 'a/b' }] }],
    ['images.0.size', { images: [{ ...image, size: -1 }] }],
    ['images.0.sha256', { images: [{ ...image, sha256: 'ABC' }] }],
    ['images.0.deltas', withDeltas([])],
    ['images.0.deltas', withDeltas(Array.from({ length: 65 }, () => delta))],
    ['images.0.deltas.0.sha256', withDeltas([{ ...delta, sha256: '../etc' }])],
    ['images.0.deltas.0.base.size', withDeltas([{ ...delta, base: { ...delta?.base, size: 0.5 } }])],
    ['hardware', { hardware: [] }],
    ['hardware.0.name', { hardware: [{ name: 'a/b' }] }],
    ['hardware.0.variants', { hardware: [{ name: 'a', variants: [] }] }],
    ['hardware', { hardware: Array.from({ length: 257 }, () => ({ name: 'a' })) }],
    ['requires.counter', { requires: { counter: 0 } }],
    ['requires.silt', { requires: { silt: '1.2' } }],
    ['allowDowngradeFrom.0', { allowDowngradeFrom: [1.5] }],
    ['sealing.cipher', withSealing({ cipher: 'rot13' })],
    ['sealing.epoch', withSealing({ epoch: 0 })],
    ['sealing.keyId', withSealing({ keyId: '../etc' })],
    ['sealing.envelope.sha256', withSealing({ envelope: { sha256: '../etc', size: 1 } })],
    ['sealing.envelope.size', withSealing({ envelope: { ...envelope, size: 4 * 2 ** 20 + 1 } })],
    ['images.0.deltas.0.head', withDeltas([{ ...delta, head: null }])],
  ];
  for (const [member, change] of wrong) {
    const error = await throwsSilt(
      t,
      async () => decodeManifest(json({ ...sampleManifest, ...change })),
      'FORMAT_INVALID',
    );
    t.true(error.message.includes(`manifest: ${member}: `), error.message);
    const value = { ...sampleManifest, ...change } as typeof sampleManifest;
    await throwsSilt(t, async () => encodeManifest(value), 'FORMAT_INVALID');
  }
});
