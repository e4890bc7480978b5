/**
 * Telling a store that can be written from one that can only be read; wrappers ask it to stay what they wrap.
 *
 * @module
 */
import type { ReadStore, Store } from './store.ts';

/** True when `store` has the publisher's calls as well. */
export function isStore(store: ReadStore): store is Store {
  return 'putIfAbsent' in store && 'putIfMatch' in store && 'list' in store && 'remove' in store;
}
