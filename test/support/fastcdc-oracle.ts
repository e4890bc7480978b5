/**
 * The chunking rule of docs/format/index.md §1 in plain JavaScript, written from that text: slow, short, and
 * what the kernel is held to. A hash is kept as two halves of 32 bits, which is exact and quick enough.
 *
 * @module
 */
import { createHash } from 'node:crypto';

/** What the rule is told. */
export interface OracleSizes {
  readonly min: number;
  readonly average: number;
  readonly max: number;
}

interface Halves {
  readonly high: Uint32Array;
  readonly low: Uint32Array;
}

/** G: for each byte value the first eight bytes, little-endian, of SHA-256("silt-gear-1" ‖ byte). */
function table(): Halves {
  const high = new Uint32Array(256);
  const low = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    const digest = createHash('sha256').update('silt-gear-1').update(Uint8Array.of(byte)).digest();
    low[byte] = digest.readUInt32LE(0);
    high[byte] = digest.readUInt32LE(4);
  }
  return { high, low };
}

const G = table();

/**
 * The hash of every position: `[p]` is that of the position behind `p` bytes. A byte is shifted out of the
 * 64 bits after 64 more, so this sum over everything ahead of a position is that over its last 64 bytes.
 */
function hashes(bytes: Uint8Array): Halves {
  const high = new Uint32Array(bytes.length + 1);
  const low = new Uint32Array(bytes.length + 1);
  bytes.forEach((byte, p) => {
    const sum = 2 * (low[p] as number) + (G.low[byte] as number);
    low[p + 1] = sum;
    // The typed array keeps 32 bits, which is the modulo of the rule.
    high[p + 1] = 2 * (high[p] as number) + (G.high[byte] as number) + Math.floor(sum / 2 ** 32);
  });
  return { high, low };
}

/** Whether the hash of position `p` lies below `limit`. */
function isBelow(hash: Halves, p: number, limit: bigint): boolean {
  const high = Number(limit >> 32n);
  const found = hash.high[p] as number;
  return found < high || (found === high && (hash.low[p] as number) < Number(limit & 0xffffffffn));
}

/** The lengths of the chunks of `bytes`, which is all there is. */
export function oracleCuts(bytes: Uint8Array, { min, average, max }: OracleSizes): number[] {
  const one = (1n << 64n) / BigInt(average);
  const strict = one / 4n;
  const loose = one * 4n;
  const hash = hashes(bytes);
  const lengths: number[] = [];
  for (let from = 0; from < bytes.length; ) {
    const longest = Math.min(max, bytes.length - from);
    let length = Math.min(min, longest);
    while (length < longest && !isBelow(hash, from + length, length <= average ? strict : loose)) length += 1;
    lengths.push(length);
    from += length;
  }
  return lengths;
}
