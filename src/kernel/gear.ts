/**
 * The gear hash kernel (`wasm/gear.ts`) with its memory: a table, a place for cut lengths, and a buffer
 * that input is read straight into, so that bytes are never copied between read and cut.
 *
 * @module
 */
import { hash } from 'node:crypto';
import { loadKernel, WASM_PAGE_BYTES } from './load.ts';

/** Bytes the hash of a position depends on. */
export const GEAR_WINDOW = 64;

const TABLE_BYTES = 256 * 8;
const LENGTHS_AT = 4096;
/** Lengths that one call can store. */
const CAPACITY = 65_536;
const INPUT_AT = LENGTHS_AT + CAPACITY * 4;

/** What a cut must satisfy; limits are compared with the hash as unsigned 64-bit numbers. */
export interface GearRule {
  readonly min: number;
  readonly average: number;
  readonly max: number;
  /** Up to the average size. */
  readonly strict: bigint;
  /** Behind it. */
  readonly loose: bigint;
}

type Cut = (
  input: number,
  length: number,
  final: number,
  min: number,
  average: number,
  max: number,
  strict: bigint,
  loose: bigint,
  lengths: number,
  capacity: number,
) => number;

/** The table G: the first eight bytes (little-endian) of SHA-256("silt-gear-1" ‖ b) for each byte b. */
export function gearTable(): BigUint64Array {
  const table = new BigUint64Array(256);
  for (let byte = 0; byte < 256; byte++) {
    const digest = hash('sha256', Buffer.concat([Buffer.from('silt-gear-1'), Buffer.of(byte)]), 'buffer');
    table[byte] = digest.readBigUInt64LE(0);
  }
  return table;
}

export class GearKernel {
  readonly #cut: Cut;
  readonly #lengths: Uint32Array;
  /** Where input goes, as many bytes as the constructor was asked for. */
  readonly input: Uint8Array;

  /** @param inputBytes size of {@link GearKernel.input}; at least the largest chunk */
  constructor(inputBytes: number) {
    const exports = loadKernel('gear');
    const memory = exports.memory as WebAssembly.Memory;
    this.#cut = exports.cut as Cut;
    const pages = Math.ceil((INPUT_AT + inputBytes) / WASM_PAGE_BYTES);
    memory.grow(pages - memory.buffer.byteLength / WASM_PAGE_BYTES);
    // WebAssembly is little-endian; so is every machine Node 24 runs on but one, which reads through a view.
    const table = new DataView(memory.buffer, 0, TABLE_BYTES);
    gearTable().forEach((value, byte) => {
      table.setBigUint64(byte * 8, value, true);
    });
    this.#lengths = new Uint32Array(memory.buffer, LENGTHS_AT, CAPACITY);
    this.input = new Uint8Array(memory.buffer, INPUT_AT, inputBytes);
  }

  /**
   * Cuts `input[start, end)` from a cut at `start` on.
   *
   * Unless `final`, stops where fewer than `rule.max` bytes are left. At most 65,536 lengths a call.
   *
   * @returns a view of the chunk lengths, good until the next call
   */
  cut(start: number, end: number, final: boolean, rule: GearRule): Uint32Array {
    const count = this.#cut(
      INPUT_AT + start,
      end - start,
      final ? 1 : 0,
      rule.min,
      rule.average,
      rule.max,
      rule.strict,
      rule.loose,
      LENGTHS_AT,
      CAPACITY,
    );
    return this.#lengths.subarray(0, count);
  }
}
