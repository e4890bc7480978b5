/**
 * A store that lets a test do something before, or instead of, each write.
 *
 * @module
 */
import type { Key, Store } from '../../src/store/store.ts';

/** What happens ahead of a write, leases aside, `ordinal` counting from 1; what it throws, the write throws. */
export type BeforePut = (key: Key, ordinal: number) => Promise<void> | void;

/** `store`, with `beforePut` ahead of each of its writes. */
export function withBeforePut(store: Store, beforePut: BeforePut): Store {
  let ordinal = 0;
  return {
    location: store.location,
    get: (key, options) => store.get(key, options),
    getRange: (key, range, options) => store.getRange(key, range, options),
    has: (key, options) => store.has(key, options),
    list: (prefix, options) => store.list(prefix, options),
    remove: (key, options) => store.remove(key, options),
    close: () => store.close(),
    async putIfAbsent(key, body, options) {
      ordinal += 1;
      await beforePut(key, ordinal);
      return await store.putIfAbsent(key, body, options);
    },
    async putIfMatch(key, bytes, etag, options) {
      if (!key.startsWith('prune/')) {
        ordinal += 1;
        await beforePut(key, ordinal);
      }
      return await store.putIfMatch(key, bytes, etag, options);
    },
  };
}
