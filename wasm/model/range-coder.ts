/**
 * Range coder: a stream of symbols becomes one long number, by an interval that is split at each symbol in
 * proportion to its probability (Martin, "Range encoding: an algorithm for removing redundancy from a digitised
 * message", 1979; carries are put off as in Schindler's coder of 1998). The interval has 2^24 to 2^32 units.
 *
 * Two streams can be open at once; {@link selectStream} goes from one to the other. A decoder that runs off its
 * end reads zeros, an encoder that runs off its room counts on: the caller compares lengths.
 */

/** Units of the interval below which a byte is moved out. */
const LEAST: u32 = 1 << 24;
/** In place of a byte ahead of the first, which no carry goes beyond. */
const NO_BYTE: u32 = 256;

/** Of the selected stream: units in the interval; what was read, from its beginning on; the next byte. */
let range: u32 = 0;
let code: u32 = 0;
let at: usize = 0;
let end: usize = 0;
/** Of an encoder: where the interval begins; the last byte, which a carry may still change, and 255s behind it. */
let low: u64 = 0;
let cache: u32 = 0;
let pending: u32 = 0;

/** The same of the other stream. */
let otherRange: u32 = 0;
let otherCode: u32 = 0;
let otherAt: usize = 0;
let otherEnd: usize = 0;
let otherLow: u64 = 0;
let otherCache: u32 = 0;
let otherPending: u32 = 0;

let selected: u32 = 0;

/** Symbols are written when true, read when false. */
export let encoding: bool = false;

export function setEncoding(value: bool): void {
  encoding = value;
}

/** Makes `stream` (0 or 1) the one that symbols come from and go to. */
export function selectStream(stream: u32): void {
  if (stream == selected) return;
  selected = stream;
  const r = range, c = code, a = at, e = end, l = low, k = cache, p = pending;
  range = otherRange; code = otherCode; at = otherAt; end = otherEnd;
  low = otherLow; cache = otherCache; pending = otherPending;
  otherRange = r; otherCode = c; otherAt = a; otherEnd = e;
  otherLow = l; otherCache = k; otherPending = p;
}

/** Opens the selected stream on the bytes [from, from + length): what is there, or room for it. */
export function open(from: usize, length: u32): void {
  range = 0xffffffff;
  code = 0;
  at = from;
  end = from + length;
  low = 0;
  cache = NO_BYTE;
  pending = 0;
  if (!encoding) for (let i = 0; i < 4; i++) code = (code << 8) | next();
}

/**
 * Ends the selected stream of an encoder that was opened at `from`.
 *
 * @returns its length; more than its room if it did not fit
 */
export function close(from: usize): u32 {
  // Of the numbers in the interval, the one with the most zeros at its end; they need not be written.
  let mask: u64 = 0xffffffff;
  while (((low + mask) & ~mask) >= low + range) mask >>= 1;
  low = (low + mask) & ~mask;
  for (let i = 0; i < 5; i++) shift();
  if (at <= end) while (at > from && load<u8>(at - 1) == 0) at -= 1;
  return <u32>(at - from);
}

@inline function next(): u32 {
  const byte: u32 = at < end ? <u32>load<u8>(at) : 0;
  at += 1;
  return byte;
}

@inline function put(byte: u32): void {
  if (at < end) store<u8>(at, <u8>byte);
  at += 1;
}

/** Moves the leading byte of `low` out, unless a carry may still reach it. */
function shift(): void {
  if (<u32>low < 0xff000000 || low >> 32 != 0) {
    const carry = <u32>(low >> 32);
    if (cache != NO_BYTE) put((cache + carry) & 255);
    for (; pending > 0; pending--) put((255 + carry) & 255);
    cache = <u32>(low >> 24) & 255;
  } else {
    pending += 1;
  }
  low = <u64>(<u32>low << 8);
}

@inline function normalize(): void {
  while (range < LEAST) {
    range <<= 8;
    if (encoding) shift();
    else code = (code << 8) | next();
  }
}

/** Codes one bit whose probability of being 1 is `p` in 65,536; the bit, given or read. */
@inline export function codeBit(bit: u32, p: u32): u32 {
  const bound = (range >> 16) * p;
  if (encoding) {
    low += <u64>select<u32>(0, bound, bit);
  } else {
    bit = <u32>(code < bound);
    code -= select<u32>(0, bound, bit);
  }
  // Selected, not jumped to: which way a bit goes cannot be foreseen.
  range = select<u32>(bound, range - bound, bit);
  normalize();
  return bit;
}

/** Reads where, in 32,768ths, the interval's next symbol lies. */
@inline export function spot(): u32 {
  const units = code / (range >> 15);
  return units > 32767 ? 32767 : units;
}

/** Codes the symbol that has [from, to) of 32,768. */
@inline export function codeSpan(from: u32, to: u32): void {
  const unit = range >> 15;
  if (encoding) low += <u64>unit * from;
  else code -= unit * from;
  range = unit * (to - from);
  normalize();
}
