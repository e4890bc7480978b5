/**
 * No bytes, however hostile, make a decoder do anything but answer or refuse with a SiltError.
 */
import test from 'ava';
import fc from 'fast-check';
import { isSiltError } from '../../src/core/errors.ts';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { ByteWriter } from '../../src/format/byte-writer.ts';
import { decodeIndexHead } from '../../src/format/index-head.ts';
import { decodeLevel2 } from '../../src/format/level2.ts';
import { MAX_CHUNKS_PER_WINDOW, MAX_PACKS, MAX_WINDOWS } from '../../src/format/limits.ts';
import { decodeManifest } from '../../src/format/manifest.ts';
import { decodePackTrailer } from '../../src/format/pack.ts';
import { type Sample, sampleHead, samples } from '../support/format-samples.ts';
import { throwsSilt } from '../support/throws-silt.ts';

/** What comes of decoding: `undefined`, or the code of the error. Any other exception fails the test. */
function outcome(decode: Sample['decode'], bytes: Uint8Array): string | undefined {
  try {
    decode(bytes);
    return undefined;
  } catch (error) {
    if (!isSiltError(error)) throw error;
    return error.code;
  }
}

for (const { name, bytes, decode } of samples) {
  test(`${name}: the sample itself is accepted`, (t) => {
    t.is(outcome(decode, bytes), undefined);
  });

  test(`${name}: cut off at any byte, it is refused`, (t) => {
    for (let length = 0; length < bytes.length; length++) {
      t.is(outcome(decode, bytes.subarray(0, length)), 'FORMAT_INVALID', `${length} bytes`);
    }
  });

  test(`${name}: with any bit flipped, it is read or refused`, (t) => {
    const codes = new Set<string | undefined>();
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const altered = new Uint8Array(bytes);
      altered[bit >> 3] = (altered[bit >> 3] as number) ^ (1 << (bit & 7));
      codes.add(outcome(decode, altered));
    }
    codes.delete(undefined);
    codes.delete('FORMAT_UNSUPPORTED');
    // Of a format that holds its own digest.
    codes.delete('DIGEST_MISMATCH');
    t.deepEqual([...codes], ['FORMAT_INVALID']);
  });

  test(`${name}: random bytes, alone or in its midst, are read or refused`, (t) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(bytes.length), fc.nat(40), (noise, at, cut) => {
        outcome(decode, noise);
        outcome(decode, Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at + cut)]));
      }),
      { seed: 1, numRuns: 500 },
    );
    t.pass();
  });

  // These two are made to be found in something longer.
  if (name === 'seed index footer' || name === 'index front') continue;
  test(`${name}: with something behind it, it is refused`, (t) => {
    t.is(outcome(decode, Buffer.concat([bytes, Buffer.of(0)])), 'FORMAT_INVALID');
  });
}

test('JSON nested without end is refused', (t) => {
  for (const open of ['[', '{"a":']) {
    t.is(outcome(decodeManifest, Buffer.from(open.repeat(150_000))), 'FORMAT_INVALID');
  }
  const deep = `{"format":"silt-manifest","formatVersion":1,"images":${'['.repeat(5000)}${']'.repeat(5000)}}`;
  t.is(outcome(decodeManifest, Buffer.from(deep)), 'FORMAT_INVALID');
});

/** An index head up to the number of packs. */
function headStart(): ByteWriter {
  const { chunker, windowing } = sampleHead;
  const out = new ByteWriter();
  out.preamble('silt-idx', 1).u64(1).bytes(new Uint8Array(32));
  out.name(chunker.name).varint(chunker.min).varint(chunker.average).varint(chunker.max);
  return out.varint(windowing.min).varint(windowing.average).varint(windowing.max);
}

test('a count that the input cannot hold takes no memory', (t) => {
  const hostile: [string, Uint8Array, Sample['decode']][] = [
    ['packs', headStart().varint(MAX_PACKS).finish(), decodeIndexHead],
    ['windows', headStart().varint(0).varint(MAX_WINDOWS).finish(), decodeIndexHead],
    ['frames', new ByteWriter().varint(65_536).finish(), (bytes) => decodeLevel2(bytes, MiB, 1)],
    [
      'chunks of one run',
      new ByteWriter().varint(0).varint(1).varint(0).varint(MAX_CHUNKS_PER_WINDOW).finish(),
      (bytes) => decodeLevel2(bytes, MiB, 1),
    ],
    ['frames of a pack', new ByteWriter().varint(65_536).finish(), (bytes) => decodePackTrailer(bytes, MiB)],
  ];
  for (const [what, bytes, decode] of hostile) {
    // Typed arrays are counted at once, whether or not they are collected later.
    const before = process.memoryUsage();
    for (let round = 0; round < 200; round++) t.is(outcome(decode, bytes), 'FORMAT_INVALID', what);
    const after = process.memoryUsage();
    t.true(after.arrayBuffers - before.arrayBuffers < 512 * KiB, `${what}: array buffers`);
    t.true(after.rss - before.rss < 24 * MiB, `${what}: ${after.rss - before.rss} bytes more`);
  }
});

test('numbers beyond their limits are refused: varints of any length, 2^53 and more', async (t) => {
  const huge = [
    Buffer.from(`${'ff'.repeat(7)}7f`, 'hex'),
    Buffer.from('ff'.repeat(20), 'hex'),
    Buffer.from(`${'80'.repeat(8)}00`, 'hex'),
    Buffer.from('8000', 'hex'),
  ];
  for (const count of huge) {
    const head = Buffer.concat([headStart().finish(), count]);
    await throwsSilt(t, async () => decodeIndexHead(head), 'FORMAT_INVALID');
    await throwsSilt(t, async () => decodeLevel2(count, 1, 1), 'FORMAT_INVALID');
    await throwsSilt(t, async () => decodePackTrailer(count, 10), 'FORMAT_INVALID');
  }
  const tooLarge = headStart().varint(0).varint(0).finish();
  new DataView(tooLarge.buffer).setBigUint64(10, 2n ** 53n, true);
  await throwsSilt(t, async () => decodeIndexHead(tooLarge), 'FORMAT_INVALID');
});
