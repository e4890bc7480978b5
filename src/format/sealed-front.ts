/**
 * How sealed objects begin: by magics of their own, so that nobody takes one for what it is not.
 * docs/format/sealing.md §3.
 *
 * | sealed | front |
 * |---|---|
 * | index | `silt-six`, version 1, object salt: 8 + 2 + 32 |
 * | delta | `silt-sdl`, version 1, object salt: 8 + 2 + 32 |
 * | pack | `silt-spk`, version 1: 8 + 2, as long as the preamble of a plain one; its salt stands in the index |
 *
 * @module
 */
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { PACK_PREAMBLE_BYTES } from './pack.ts';

export const SEALED_INDEX_MAGIC = 'silt-six';
export const SEALED_DELTA_MAGIC = 'silt-sdl';
export const SEALED_PACK_MAGIC = 'silt-spk';
export const SEALED_VERSION = 1;

export const SALT_BYTES = 32;
/** Bytes ahead of the sealed head of an index or a delta. */
export const SEALED_FRONT_BYTES: number = 8 + 2 + SALT_BYTES;

const magics = { index: SEALED_INDEX_MAGIC, delta: SEALED_DELTA_MAGIC } as const;

/** Kinds of objects whose salt stands in front of them. */
export type FrontedKind = keyof typeof magics;

/** The bytes ahead of the sealed head. */
export function encodeSealedFront(kind: FrontedKind, salt: Uint8Array): Uint8Array {
  return new ByteWriter(SEALED_FRONT_BYTES).preamble(magics[kind], SEALED_VERSION).bytes(salt).finish();
}

/**
 * The object salt in the first {@link SEALED_FRONT_BYTES} bytes of an object.
 *
 * @throws SiltError FORMAT_INVALID for what is not sealed, FORMAT_UNSUPPORTED for another version
 */
export function decodeSealedFront(kind: FrontedKind, bytes: Uint8Array): Uint8Array {
  const reader = new ByteReader(bytes.subarray(0, SEALED_FRONT_BYTES), `sealed ${kind}`);
  reader.preamble(magics[kind], SEALED_VERSION);
  return reader.bytes(SALT_BYTES, 'salt');
}

/** The bytes ahead of the first sealed frame of a pack. */
export function encodeSealedPackPreamble(): Uint8Array {
  return new ByteWriter(PACK_PREAMBLE_BYTES).preamble(SEALED_PACK_MAGIC, SEALED_VERSION).finish();
}

/**
 * Checks the bytes ahead of the first sealed frame.
 *
 * @throws SiltError FORMAT_INVALID for what is no sealed pack, FORMAT_UNSUPPORTED for another version
 */
export function decodeSealedPackPreamble(bytes: Uint8Array): void {
  const reader = new ByteReader(bytes, 'sealed pack');
  reader.preamble(SEALED_PACK_MAGIC, SEALED_VERSION);
  reader.end();
}

/** True for an object that begins as a sealed pack does, of whatever version. */
export function isSealedPack(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, 8)).toString('latin1') === SEALED_PACK_MAGIC;
}
