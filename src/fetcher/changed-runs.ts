/**
 * Which parts of a target have to be written. Pure.
 *
 * @module
 */
import { equalBytes } from '../core/bytes.ts';
import { KiB } from '../core/sizes.ts';

/** What file systems, page caches and flash translation layers write at least. */
const BLOCK_BYTES: number = 4 * KiB;

/**
 * The runs of blocks in which `bytes` differ from `old`, as positions in `bytes`.
 *
 * @param offset of both in the target: blocks are counted from its beginning
 * @param old may be shorter
 */
export function changedRuns(
  offset: number,
  old: Uint8Array,
  bytes: Uint8Array,
): { readonly from: number; to: number }[] {
  const runs: { readonly from: number; to: number }[] = [];
  for (let from = 0; from < bytes.length; ) {
    const to = Math.min(bytes.length, from + BLOCK_BYTES - ((offset + from) % BLOCK_BYTES));
    if (!equalBytes(old.subarray(from, to), bytes.subarray(from, to))) {
      const last = runs.at(-1);
      if (last?.to === from) last.to = to;
      else runs.push({ from, to });
    }
    from = to;
  }
  return runs;
}
