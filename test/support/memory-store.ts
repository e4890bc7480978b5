/**
 * A store in memory with a clock of its own, whose every call a script hears of first: for histories, kills and
 * races that have to come out the same each time.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { sha256Hex } from '../../src/core/digest.ts';
import { SiltError } from '../../src/core/errors.ts';
import type { Key, Store } from '../../src/store/store.ts';

/** Of bytes that are asked for again and again. */
const digests = new WeakMap<Uint8Array, string>();

function digestOf(bytes: Uint8Array): string {
  const digest = digests.get(bytes) ?? sha256Hex(bytes);
  digests.set(bytes, digest);
  return digest;
}

export interface MemoryObject {
  readonly bytes: Uint8Array;
  readonly modified: number;
}

export type StoreCall = Exclude<keyof Store, 'location' | 'close'>;

/** Hears of a call ahead of it; what it throws, the call throws. */
export type BeforeCall = (call: StoreCall, key: Key, ordinal: number) => Promise<void> | void;

export interface MemoryStore extends Store {
  readonly objects: Map<Key, MemoryObject>;
  /** Another store with the same objects. */
  clone(): MemoryStore;
  /** The same objects, behind a script. */
  scripted(beforeCall: BeforeCall): Store;
}

/** @param time by the store's clock, milliseconds since 1970; `undefined` for a store that does not tell */
export function memoryStore(
  time: () => number | undefined = () => 0,
  objects: Map<Key, MemoryObject> = new Map(),
): MemoryStore {
  const put = (key: Key, bytes: Uint8Array): string => {
    const stored = Uint8Array.from(bytes);
    objects.set(key, { bytes: stored, modified: time() ?? 0 });
    return digestOf(stored);
  };
  const etagOf = (key: Key): string | undefined => {
    const found = objects.get(key);
    return found && digestOf(found.bytes);
  };
  const store: Store = {
    location: 'memory',
    async get(key, { maxBytes }) {
      const found = objects.get(key);
      if (found === undefined) return undefined;
      if (found.bytes.length > maxBytes) throw new SiltError('FORMAT_INVALID', `${key} is too large`);
      return { bytes: found.bytes, etag: digestOf(found.bytes) };
    },
    async *getRange(key, { offset, length }) {
      const found = objects.get(key);
      if (found === undefined) throw new SiltError('OBJECT_MISSING', `${key} is missing`);
      if (offset + length > found.bytes.length) throw new SiltError('RANGE_INVALID', `${key} is too short`);
      yield found.bytes.slice(offset, offset + length);
    },
    async has(key) {
      const found = objects.get(key);
      if (found === undefined) return undefined;
      const { bytes, modified } = found;
      return {
        size: bytes.length,
        etag: digestOf(bytes),
        ...(time() !== undefined && { modified }),
      };
    },
    async putIfAbsent(key, body) {
      const bytes = body instanceof Uint8Array ? body : await readFile(body.path);
      if (objects.has(key)) return 'exists';
      put(key, bytes);
      return 'created';
    },
    async putIfMatch(key, bytes, etag) {
      if (etagOf(key) !== etag) throw new SiltError('CONFLICT', `somebody else changed ${key}`);
      return put(key, bytes);
    },
    async *list(prefix) {
      for (const [key, { bytes }] of [...objects]) {
        if (key.startsWith(prefix)) yield { key, size: bytes.length };
      }
    },
    async remove(key) {
      objects.delete(key);
    },
    close: async () => {},
  };
  return {
    ...store,
    objects,
    clone: () => memoryStore(time, new Map(objects)),
    scripted: (beforeCall) => withBeforeCall(store, beforeCall),
  };
}

/** Any store, behind a script. */
export function withBeforeCall(store: Store, beforeCall: BeforeCall): Store {
  let ordinal = 0;
  const before = async (call: StoreCall, key: Key): Promise<void> => {
    ordinal += 1;
    await beforeCall(call, key, ordinal);
  };
  return {
    location: store.location,
    async get(key, options) {
      await before('get', key);
      return await store.get(key, options);
    },
    async *getRange(key, range, options) {
      await before('getRange', key);
      yield* store.getRange(key, range, options);
    },
    async has(key, options) {
      await before('has', key);
      return await store.has(key, options);
    },
    async putIfAbsent(key, body, options) {
      await before('putIfAbsent', key);
      return await store.putIfAbsent(key, body, options);
    },
    async putIfMatch(key, bytes, etag, options) {
      await before('putIfMatch', key);
      return await store.putIfMatch(key, bytes, etag, options);
    },
    async *list(prefix, options) {
      await before('list', prefix);
      yield* store.list(prefix, options);
    },
    async remove(key, options) {
      await before('remove', key);
      await store.remove(key, options);
    },
    close: () => store.close(),
  };
}
