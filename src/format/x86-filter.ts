/**
 * The x86 branch filter: makes the targets of CALL, JMP and Jcc (rel32) absolute, so that two calls of one
 * function look the same to the compressor, the idea behind the BCJ filters of 7-Zip and XZ. Worth about
 * 4 % of an executable (docs/decisions/0004-frames.md).
 *
 * An opcode E8, E9 or 0F 80–8F claims the four bytes behind it, whatever they hold, so that encoder and
 * decoder walk the same places. They are changed when the last of them is 0x00 or 0xff, as in a branch
 * within ±16 MiB: the target, kept to 25 bits and sign-extended, keeps that property. Its low 24 bits are
 * written big-endian (bytes that agree most come first), the sign byte stays last. Positions count from
 * the start of the frame. docs/format/pack.md §3.
 *
 * @module
 */

/** Applies the filter in place and returns `bytes`. */
export function encodeX86(bytes: Uint8Array): Uint8Array {
  forEachBranch(bytes, (field) => {
    const relative =
      (bytes[field] as number) | ((bytes[field + 1] as number) << 8) | ((bytes[field + 2] as number) << 16);
    const target = keep25((relative | ((bytes[field + 3] as number) << 24)) + field + 4);
    bytes[field] = target >> 16;
    bytes[field + 1] = target >> 8;
    bytes[field + 2] = target;
    bytes[field + 3] = target >> 24;
  });
  return bytes;
}

/** Undoes {@link encodeX86} in place and returns `bytes`. */
export function decodeX86(bytes: Uint8Array): Uint8Array {
  forEachBranch(bytes, (field) => {
    const target =
      ((bytes[field] as number) << 16) | ((bytes[field + 1] as number) << 8) | (bytes[field + 2] as number);
    const relative = keep25((target | ((bytes[field + 3] as number) << 24)) - field - 4);
    bytes[field] = relative;
    bytes[field + 1] = relative >> 8;
    bytes[field + 2] = relative >> 16;
    bytes[field + 3] = relative >> 24;
  });
  return bytes;
}

/** Calls `change` with the place of each displacement that the filter touches, in order. */
function forEachBranch(bytes: Uint8Array, change: (field: number) => void): void {
  const last = bytes.length - 4;
  for (let at = 0; at < last; ) {
    const opcode = bytes[at] as number;
    let field: number;
    if (opcode === 0xe8 || opcode === 0xe9) {
      field = at + 1;
    } else if (opcode === 0x0f && ((bytes[at + 1] as number) & 0xf0) === 0x80) {
      field = at + 2;
    } else {
      at += 1;
      continue;
    }
    if (field > last) return;
    const sign = bytes[field + 3] as number;
    if (sign === 0x00 || sign === 0xff) change(field);
    at = field + 4;
  }
}

/** Sign-extends the low 25 bits. */
function keep25(value: number): number {
  return (value << 7) >> 7;
}
