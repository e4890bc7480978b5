/**
 * A sample of objects, by a seed: the same seed takes the same objects of a repository, in whatever order they come
 * and wherever it is run.
 *
 * @module
 */
import { sha256Hex } from '../core/digest.ts';

/** How many objects: a number of them, or a share from 0 to 1, rounded up. */
export type SampleSize = { readonly count: number } | { readonly share: number };

/** Those of `keys` whose digests with the seed are the smallest. */
export function chooseSample(keys: readonly string[], size: SampleSize, seed: string): Set<string> {
  const count = 'count' in size ? size.count : Math.ceil(size.share * keys.length);
  if (count >= keys.length) return new Set(keys);
  const ranked = keys.map((key) => ({ key, rank: sha256Hex(Buffer.from(`${seed}\n${key}`)) }));
  ranked.sort((a, b) => (a.rank < b.rank ? -1 : 1));
  return new Set(ranked.slice(0, count).map(({ key }) => key));
}
