/**
 * Numbers below 2^53, for the list of segments: the length in bits, then the bits, as in an Exp-Golomb code
 * (Teuhola, "A compression method for clustered bit-vectors", 1978), with adaptive probabilities of the length
 * and the two bits behind the leading one.
 *
 * Fields, of which there are 16, have probabilities of their own.
 */
import { codeAlone, LONE_SLOT, resetLoneSlots } from './lone-bit';
import { codeBit } from './range-coder';

const FIELDS: usize = 16;
/** Bytes of the slots of one field: 64 for the length, then 4 for each length. */
const FIELD: usize = LONE_SLOT * 512;
const LENGTHS: u32 = 64;
/** Updates after which a slot keeps its rate. */
const LENGTH_LIMIT: u32 = 30;
const BIT_LIMIT: u32 = 60;

let slots: usize = 0;

/** @returns where the tables end */
export function layNumbers(at: usize): usize {
  slots = at;
  return slots + FIELDS * FIELD;
}

export function resetNumbers(): void {
  resetLoneSlots(slots, slots + FIELDS * FIELD);
}

/** Codes a bit with slot `i` of those at `own`. */
@inline function codeBitOf(own: usize, i: u32, bit: u32, limit: u32): u32 {
  const at = own + <usize>i * LONE_SLOT;
  return codeAlone(bit, at, load<u32>(at), limit);
}

/** Codes a number in the contexts of `field`, below 16. */
export function codeNumber(value: u64, field: u32): u64 {
  const own = slots + <usize>field * FIELD;
  const plus = value + 1;
  const bits = 63 - <u32>clz(plus);
  let node: u32 = 1;
  for (let i = 5; i >= 0; i--) {
    node = (node << 1) | codeBitOf(own, node, (bits >> i) & 1, LENGTH_LIMIT);
  }
  const length = node & 63;
  let number: u64 = 1;
  for (let i = <i32>length - 1, depth = 0; i >= 0; i--, depth++) {
    let bit = <u32>(plus >> i) & 1;
    if (depth < 2) {
      const slot = LENGTHS + (length << 2) + (depth == 0 ? 0 : 1 + <u32>(number & 1));
      bit = codeBitOf(own, slot, bit, BIT_LIMIT);
    } else {
      bit = codeBit(bit, 32768);
    }
    number = (number << 1) | bit;
  }
  return number - 1;
}
