/**
 * The entropy stage of a delta window: context mixing, with the Base's bytes as context.
 * docs/format/delta.md §4 and §5 specify it.
 *
 * A window is a list of segments: literals, covers of the Base, and copies of bytes that are there already. The
 * list itself is coded as numbers; then, in a walk over the segments, the covers' differences to one stream and
 * the literals to another. The same walk encodes and decodes. What is modelled and how is told in `model/`.
 *
 * Memory: the model from where {@link lay} is told, 9 MiB; all else where the caller says.
 */
import { codeCover, layCovers, resetCovers } from './model/covers';
import { layDifferences, resetDifferences } from './model/differences';
import { layFields, resetFields } from './model/fields';
import { codeLiterals, layLiterals, resetLiterals } from './model/literals';
import { layLoneBits } from './model/lone-bit';
import { layMixer } from './model/mixer';
import { layNibbles } from './model/nibble';
import { codeNumber, layNumbers, resetNumbers } from './model/numbers';
import { close, open, selectStream, setEncoding } from './model/range-coder';

/** Kinds of segments; any other is a copy. */
const LITERAL: u32 = 0;
const COVER: u32 = 1;
/** Bytes of a segment in the list. */
const SEGMENT: usize = 16;

const DIFFERENCES: u32 = 0;
const LITERALS: u32 = 1;

/** Bits of `skip`. */
const SKIP_COVERS: u32 = 1;
const SKIP_LITERALS: u32 = 2;

/** A line of the processor's cache, which no line or slot should straddle. */
const CACHE_LINE: usize = 64;

@inline function aligned(at: usize): usize {
  return (at + CACHE_LINE - 1) & ~(CACHE_LINE - 1);
}

/** Lays the model from `base` on. @returns where it ends */
export function lay(base: usize): usize {
  let at = layMixer(aligned(base));
  at = layLoneBits(aligned(at));
  at = layNibbles(aligned(at));
  at = layNumbers(aligned(at));
  at = layCovers(aligned(at));
  at = layFields(aligned(at));
  at = layDifferences(aligned(at));
  return layLiterals(aligned(at));
}

/** Opens the list: in `to`, `length` bytes of it or of room for it. */
export function openNumbers(to: usize, length: u32, encode: bool): void {
  setEncoding(encode);
  resetNumbers();
  selectStream(DIFFERENCES);
  open(to, length);
}

/** The next number of the list, given or read, in the contexts of `field`. */
export function number(value: f64, field: u32): f64 {
  return <f64>codeNumber(<u64>value, field);
}

/** Ends the list that was opened at `from`. @returns its length; more than its room if it did not fit */
export function closeNumbers(from: usize): u32 {
  return close(from);
}

/** Lengths of the two streams after {@link codeWindow} as an encoder; more than their room if they did not fit. */
export let differenceLength: u32 = 0;
export let literalLength: u32 = 0;

/**
 * Codes a window at `window`, whose 16 bytes ahead are zero.
 *
 * @param segments 16 bytes each: kind (0 literal, 1 cover, 2 copy), length, address of the cover's Base bytes or
 *   of the copied bytes, place of a cover in the Base; 16 bytes ahead of a cover's and behind them are there
 * @param differences stream of covers, or room for it
 * @param literals stream of literals, or room for it
 * @param skip bit 0: leave the covers, which hold their bytes already; bit 1: the same for literals
 */
export function codeWindow(
  segments: usize,
  count: u32,
  window: usize,
  differences: usize,
  differenceBytes: u32,
  literals: usize,
  literalBytes: u32,
  encode: bool,
  skip: u32,
): void {
  setEncoding(encode);
  const codesCovers = (skip & SKIP_COVERS) == 0, codesLiterals = (skip & SKIP_LITERALS) == 0;
  if (codesCovers) {
    resetCovers();
    resetFields();
    resetDifferences();
  }
  if (codesLiterals) resetLiterals();
  selectStream(LITERALS);
  open(literals, literalBytes);
  selectStream(DIFFERENCES);
  open(differences, differenceBytes);
  let at = window;
  for (let i: u32 = 0; i < count; i++) {
    const segment = segments + <usize>i * SEGMENT;
    const kind = load<u32>(segment), length = <usize>load<u32>(segment, 4), from = <usize>load<u32>(segment, 8);
    if (kind == COVER) {
      if (codesCovers) codeCover(at, at + length, from, load<u32>(segment, 12), <u32>(at - window));
    } else if (kind == LITERAL) {
      selectStream(LITERALS);
      if (codesLiterals) codeLiterals(at, at + length, window);
      selectStream(DIFFERENCES);
    } else if (!encode) {
      // Byte by byte: a copy may overlap what it makes.
      for (let b: usize = 0; b < length; b++) store<u8>(at + b, load<u8>(from + b));
    }
    at += length;
  }
  if (!encode) return;
  differenceLength = close(differences);
  selectStream(LITERALS);
  literalLength = close(literals);
}
