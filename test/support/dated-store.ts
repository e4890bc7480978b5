/**
 * A store over a directory whose objects were stored when a test's clock says.
 *
 * @module
 */
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { openDirectoryStore } from '../../src/store/directory.ts';
import type { Store } from '../../src/store/store.ts';
import { START, type TestClock } from './prune-bench.ts';
import { temporaryDirectory } from './temporary-directory.ts';

export async function datedStore(t: ExecutionContext<unknown>, clock: TestClock): Promise<Store> {
  const directory = await temporaryDirectory(t);
  const store = await openDirectoryStore(join(directory, 'repository'), { create: true });
  const times = new Map<string, number>();
  return {
    location: store.location,
    get: (key, options) => store.get(key, options),
    getRange: (key, range, options) => store.getRange(key, range, options),
    list: (prefix, options) => store.list(prefix, options),
    remove: (key, options) => store.remove(key, options),
    close: () => store.close(),
    async has(key, options) {
      const found = await store.has(key, options);
      return found && { ...found, modified: times.get(key) ?? START };
    },
    async putIfAbsent(key, body, options) {
      const outcome = await store.putIfAbsent(key, body, options);
      if (outcome === 'created') times.set(key, clock.own);
      return outcome;
    },
    async putIfMatch(key, bytes, etag, options) {
      const next = await store.putIfMatch(key, bytes, etag, options);
      times.set(key, clock.own);
      return next;
    },
  };
}
