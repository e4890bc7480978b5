/**
 * A store whose listing is what a test says: yesterday's, or one that repeats itself.
 *
 * @module
 */
import type { Key, Store } from '../../src/store/store.ts';
import { collect } from './collect.ts';

/** @param listing of what there is below a prefix, what is told */
export function withListing(store: Store, listing: (found: readonly Key[]) => readonly Key[]): Store {
  return {
    ...store,
    async *list(prefix, options) {
      const found = await collect(store.list(prefix, options));
      const sizes = new Map(found.map(({ key, size }) => [key, size]));
      for (const key of listing([...sizes.keys()])) {
        if (key.startsWith(prefix)) yield { key, size: sizes.get(key) ?? 10 };
      }
    },
  };
}
