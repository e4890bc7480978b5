/**
 * Frames: opened only with the right tag, and never into more than was promised.
 */
import { spawn } from 'node:child_process';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, zstdCompressSync } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { compressFrame } from '../../src/format/compression.ts';
import {
  CODEC_BROTLI,
  CODEC_STORED,
  CODEC_ZSTD,
  FILTER_X86,
  isKnownCodec,
  openFrame,
  tagOf,
} from '../../src/format/frame.ts';
import { encodeX86 } from '../../src/format/x86-filter.ts';
import { samplePlain } from '../support/format-samples.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { throwsSilt } from '../support/throws-silt.ts';
import { x86Code } from '../support/x86-code.ts';

const openBomb = fileURLToPath(new URL('../support/open-bomb-child.ts', import.meta.url));

const compressors: Readonly<Record<number, (plain: Uint8Array) => Uint8Array>> = {
  [CODEC_STORED]: (plain) => plain,
  [CODEC_ZSTD]: (plain) => zstdCompressSync(plain),
  [CODEC_BROTLI]: (plain) => brotliCompressSync(plain),
};
const codecs = Object.keys(compressors).map(Number);

/** What an index says of a frame that holds `stored`. */
function refTo(stored: Uint8Array, plain: number, codec: number) {
  return { stored: stored.length, plain, codec, tag: tagOf(stored) };
}

for (const codec of codecs) {
  test(`codec ${codec}: a frame opens to its plain bytes, filtered or not`, (t) => {
    for (const plain of [samplePlain, x86Code(5000), Uint8Array.of(1), new Uint8Array(300 * KiB)]) {
      const stored = compressors[codec]?.(plain) as Uint8Array;
      t.deepEqual(new Uint8Array(openFrame(refTo(stored, plain.length, codec), stored)), plain);
      const filtered = compressors[codec]?.(encodeX86(plain.slice())) as Uint8Array;
      const ref = refTo(filtered, plain.length, codec | FILTER_X86);
      t.deepEqual(new Uint8Array(openFrame(ref, filtered)), plain);
    }
  });

  test(`codec ${codec}: opening leaves the stored bytes as they were`, (t) => {
    const stored = compressors[codec]?.(encodeX86(x86Code(3000))) as Uint8Array;
    const before = Buffer.from(stored).toString('hex');
    openFrame(refTo(stored, 3000, codec | FILTER_X86), stored);
    t.is(Buffer.from(stored).toString('hex'), before);
  });

  test(`codec ${codec}: a plain length that is not the true one is refused`, async (t) => {
    const stored = compressors[codec]?.(samplePlain) as Uint8Array;
    for (const wrong of [1, samplePlain.length - 1, samplePlain.length + 1, 2 * samplePlain.length]) {
      await throwsSilt(t, async () => openFrame(refTo(stored, wrong, codec), stored), 'FORMAT_INVALID');
    }
  });

  test(`codec ${codec}: altered, shortened or extended stored bytes are refused before they are opened`, async (t) => {
    const stored = new Uint8Array(compressors[codec]?.(samplePlain) as Uint8Array);
    const ref = refTo(stored, samplePlain.length, codec);
    const altered = stored.slice();
    altered[20] = (altered[20] as number) ^ 1;
    for (const bytes of [
      altered,
      stored.subarray(1),
      Buffer.concat([stored, Buffer.of(0)]),
      new Uint8Array(),
    ]) {
      await throwsSilt(t, async () => openFrame(ref, bytes), 'DIGEST_MISMATCH');
    }
  });
}

for (const codec of [CODEC_ZSTD, CODEC_BROTLI]) {
  test(`codec ${codec}: bytes that expand beyond their promise are stopped, in little memory`, async (t) => {
    const bomb = compressors[codec]?.(new Uint8Array(256 * MiB)) as Uint8Array;
    t.true(bomb.length < 64 * KiB);
    const child = spawn(process.execPath, [openBomb, `${codec}`, `${64 * KiB}`]);
    child.stdin.end(bomb);
    const { codes, grown } = (await json(child.stdout)) as { codes: string[]; grown: number };
    t.deepEqual(codes, ['FORMAT_INVALID']);
    t.true(grown < 64 * MiB, `it grew by ${grown} bytes`);
  });

  test(`codec ${codec}: bytes that do not decompress are one clear error, cut off at any byte`, async (t) => {
    const stored = compressors[codec]?.(samplePlain) as Uint8Array;
    for (let length = 1; length < stored.length; length += 7) {
      const part = stored.subarray(0, length);
      await throwsSilt(
        t,
        async () => openFrame(refTo(part, samplePlain.length, codec), part),
        'FORMAT_INVALID',
      );
    }
    const noise = seededBytes('noise', 1000);
    await throwsSilt(t, async () => openFrame(refTo(noise, 5000, codec), noise), 'FORMAT_INVALID');
  });
}

test('codecs of later versions are refused, whichever bit tells', async (t) => {
  const known = new Set([0, 1, 2, 0x10, 0x11, 0x12]);
  for (let codec = 0; codec < 256; codec++) {
    t.is(isKnownCodec(codec), known.has(codec), `codec ${codec}`);
    if (known.has(codec)) continue;
    const ref = refTo(samplePlain, samplePlain.length, codec);
    await throwsSilt(t, async () => openFrame(ref, samplePlain), 'FORMAT_UNSUPPORTED');
  }
});

test('whatever the publisher compresses opens again', (t) => {
  fc.assert(
    fc.property(
      fc.constantFrom<'zstd' | 'brotli'>('zstd', 'brotli'),
      fc.integer({ min: 1, max: 5 }),
      fc.constantFrom(samplePlain, x86Code(20_000), seededBytes('noise', 9000), new Uint8Array(9000)),
      fc.integer({ min: 1, max: 9000 }),
      (codec, level, bytes, length) => {
        const plain = bytes.slice(0, length);
        const { stored, codec: code } = compressFrame(plain.slice(), { codec, level });
        t.deepEqual(new Uint8Array(openFrame(refTo(stored, plain.length, code), stored)), plain);
        t.true(stored.length <= plain.length);
      },
    ),
    { seed: 1, numRuns: 60 },
  );
});
