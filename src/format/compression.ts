/**
 * How a publisher compresses frames. The device needs none of this: the codec byte of a frame tells.
 * Figures behind the default: docs/decisions/0004-frames.md.
 *
 * @module
 */
import { compressBytes, type GeneralCodec } from '../core/compression.ts';
import { SiltError } from '../core/errors.ts';
import { CODEC_BROTLI, CODEC_STORED, CODEC_ZSTD, FILTER_X86 } from './frame.ts';
import { encodeX86 } from './x86-filter.ts';

export interface Compression {
  readonly codec: GeneralCodec;
  /** zstd 1–22, brotli 0–11. */
  readonly level: number;
}

export const defaultCompression: Compression = { codec: 'zstd', level: 19 };

const levels: Readonly<Record<string, readonly [low: number, high: number, otherwise: number]>> = {
  zstd: [1, 22, 19],
  brotli: [0, 11, 11],
};

/**
 * Reads `zstd:19`, `zstd`, `brotli:11` or a bare zstd level.
 *
 * @throws SiltError USAGE
 */
export function parseCompression(text: string): Compression {
  const [codec, level] = /^\d+$/.test(text) ? ['zstd', text] : text.split(':', 2);
  const range = levels[codec ?? ''];
  const number = level === undefined ? range?.[2] : Number(level);
  if (range === undefined || number === undefined || !(number >= range[0] && number <= range[1])) {
    throw new SiltError('USAGE', `expected zstd:1 to zstd:22 or brotli:0 to brotli:11, found "${text}"`);
  }
  return { codec: codec as Compression['codec'], level: number };
}

/** A compressed frame body: what is stored, and the codec byte that says how to open it. */
export interface CompressedFrame {
  readonly stored: Uint8Array;
  readonly codec: number;
}

/**
 * Compresses a frame: with the x86 filter where that helps, and stored as it is where nothing does. A pure
 * function of its arguments.
 */
export function compressFrame(plain: Uint8Array, compression: Compression): CompressedFrame {
  const code = compression.codec === 'zstd' ? CODEC_ZSTD : CODEC_BROTLI;
  const filter = isThorough(compression) && x86FilterHelps(plain);
  const stored = compress(filter ? encodeX86(new Uint8Array(plain)) : plain, compression);
  if (stored.length >= plain.length) return { stored: new Uint8Array(plain), codec: CODEC_STORED };
  return { stored, codec: filter ? code | FILTER_X86 : code };
}

/** Who asks for a fast level wants speed: looking for x86 code would take as long as compressing. */
function isThorough({ codec, level }: Compression): boolean {
  return codec === 'brotli' || level >= 7;
}

/** Both ways at a fast level tell which one is smaller; a slow level would cost twice its time. */
const TRIAL: Compression = { codec: 'zstd', level: 3 };

function x86FilterHelps(plain: Uint8Array): boolean {
  if (!mayHoldX86(plain)) return false;
  return compress(encodeX86(new Uint8Array(plain)), TRIAL).length < compress(plain, TRIAL).length;
}

function compress(plain: Uint8Array, { codec, level }: Compression): Uint8Array {
  return compressBytes(plain, codec, level);
}

/**
 * True when the bytes look enough like x86 code to try the filter:
 * displacements with a sign byte behind a CALL or JMP, at least one in 512 bytes.
 */
function mayHoldX86(plain: Uint8Array): boolean {
  let branches = 0;
  for (let at = 0; at + 4 < plain.length; at++) {
    const opcode = plain[at];
    if (opcode !== 0xe8 && opcode !== 0xe9) continue;
    const sign = plain[at + 4];
    if (sign === 0x00 || sign === 0xff) branches += 1;
    at += 4;
  }
  return branches * 512 >= plain.length;
}
