/**
 * Which windows of the image are right where they are, by the index of what lies there.
 *
 * @module
 */
import { equalBytes } from '../core/bytes.ts';
import type { WindowEntry } from '../format/index-head.ts';
import type { SeedIndexReader } from './seed-index-file.ts';

/** Offsets of the windows that `found` has at the same place, with the same bytes. */
export function keptWindows(windows: readonly WindowEntry[], found: SeedIndexReader): Set<number> {
  const kept = new Set<number>();
  let at = 0;
  for (const { offset, length, digest } of found.windows()) {
    while (at < windows.length && (windows[at] as WindowEntry).offset < offset) at += 1;
    const window = windows[at];
    if (window === undefined) break;
    if (window.offset !== offset || window.length !== length) continue;
    const same =
      window.digest === undefined || digest === undefined
        ? window.digest === digest
        : equalBytes(window.digest, digest);
    if (same) kept.add(offset);
  }
  return kept;
}
