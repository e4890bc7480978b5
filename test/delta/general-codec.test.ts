/**
 * zstd and brotli for streams of payloads.
 */
import test from 'ava';
import { compress, decompress } from '../../src/delta/general-codec.ts';
import { programBytes } from '../support/program-bytes.ts';
import { throwsSilt } from '../support/throws-silt.ts';

test('what is decompressed is what was compressed, and no more than was asked for', async (t) => {
  for (const codec of ['zstd', 'brotli'] as const) {
    for (const length of [0, 1, 63, 64, 65, 10_000]) {
      const plain = programBytes(length);
      const stored = compress(plain, codec);
      t.deepEqual(new Uint8Array(decompress(stored, codec, length)), plain);
      if (length > 1)
        await throwsSilt(t, async () => decompress(stored, codec, length - 1), 'FORMAT_INVALID');
    }
  }
});

test('a zstd stream that wants a window of two gibibytes is refused', async (t) => {
  // Magic, a head without size and checksum, the window as a power of two, and one last block of no bytes.
  const stream = (power: number): Uint8Array =>
    Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, (power - 10) << 3, 1, 0, 0);
  t.is(decompress(stream(20), 'zstd', 1000).length, 0);
  await throwsSilt(t, async () => decompress(stream(31), 'zstd', 1000), 'FORMAT_INVALID');
});
