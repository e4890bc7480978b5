/**
 * The suffix sorter (`wasm/suffix-sort.ts`): the order of all suffixes of a text, for texts up to 768 MiB.
 *
 * @module
 */
import { loadKernel, WASM_PAGE_BYTES } from './load.ts';

/** Bytes of the tables that the sorter works with. */
export const SORT_TABLE_BYTES: number = (2 * 65_536 + 256) * 4;

/** The functions of the sorter, in its own kernel or as a part of another. */
export interface SortExports {
  readonly sortBegin: (text: number, length: number, array: number, tables: number) => void;
  readonly sortSome: () => number;
}

/** Sorts the text at `text` into the array at `array`, which has room for `length` + 1 entries. */
export function runSort(
  exports: SortExports,
  text: number,
  length: number,
  array: number,
  tables: number,
): void {
  exports.sortBegin(text, length, array, tables);
  while (exports.sortSome() !== 0);
}

/**
 * The suffix array of `text`: where its suffixes begin, in ascending order of the suffixes; one that is the
 * beginning of another comes first.
 *
 * @returns a view of memory made for this call
 */
export function suffixSort(text: Uint8Array): Int32Array {
  const exports = loadKernel('suffix-sort');
  const memory = exports.memory as WebAssembly.Memory;
  const tables = memory.buffer.byteLength;
  const array = tables + SORT_TABLE_BYTES;
  const at = array + 4 * (text.length + 1);
  memory.grow(Math.ceil((at + text.length) / WASM_PAGE_BYTES) - tables / WASM_PAGE_BYTES);
  new Uint8Array(memory.buffer, at, text.length).set(text);
  runSort(exports as unknown as SortExports, at, text.length, array, tables);
  return new Int32Array(memory.buffer, array, text.length);
}
