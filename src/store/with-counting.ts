/**
 * A store that counts what is asked of it, by kind of object.
 *
 * Counted are the calls of the contract and the bytes of objects in them. What goes over the wire besides
 * (redirects, repeated requests, parts of an upload) is told by `onRequest` of the store itself.
 *
 * @module
 */
import { isStore } from './is-store.ts';
import type { Body, Key, ReadStore, Store } from './store.ts';

/** The kinds of object in a repository, by the first part of their key. */
export const OBJECT_KINDS = ['metadata', 'targets', 'indexes', 'packs', 'deltas', 'other'] as const;

export type ObjectKind = (typeof OBJECT_KINDS)[number];

export interface KindCounts {
  /** Calls, successful or not. */
  readonly requests: number;
  readonly bytesRead: number;
  /** Bytes of objects that were created or replaced; what already was there is not written. */
  readonly bytesWritten: number;
  /** Objects created or replaced. */
  readonly objectsWritten: number;
}

/** All that was counted up to now; it does not change any more. */
export interface StoreCounts extends KindCounts {
  readonly kinds: Readonly<Record<ObjectKind, KindCounts>>;
}

export interface Counted {
  counts(): StoreCounts;
}

type Tally = { -readonly [K in keyof KindCounts]: KindCounts[K] };

/** `store`, counting; a {@link Store} stays one. */
export function withCounting<S extends ReadStore>(store: S): S & Counted;
export function withCounting(store: ReadStore): ReadStore & Counted {
  const tallies = Object.fromEntries(OBJECT_KINDS.map((kind) => [kind, noCounts()])) as Record<
    ObjectKind,
    Tally
  >;
  const count = (key: Key): Tally => {
    const tally = tallies[kindOf(key)];
    tally.requests += 1;
    return tally;
  };
  const reading: ReadStore & Counted = {
    location: store.location,
    async get(key, options) {
      const tally = count(key);
      const found = await store.get(key, options);
      tally.bytesRead += found?.bytes.byteLength ?? 0;
      return found;
    },
    async *getRange(key, range, options) {
      const tally = count(key);
      for await (const block of store.getRange(key, range, options)) {
        tally.bytesRead += block.byteLength;
        yield block;
      }
    },
    has(key, options) {
      count(key);
      return store.has(key, options);
    },
    close: () => store.close(),
    counts: () => freeze(tallies),
  };
  if (!isStore(store)) return reading;
  const writing: Store & Counted = {
    ...reading,
    async putIfAbsent(key, body, options) {
      const tally = count(key);
      const outcome = await store.putIfAbsent(key, body, options);
      if (outcome === 'created') written(tally, sizeOf(body));
      return outcome;
    },
    async putIfMatch(key, bytes, etag, options) {
      const tally = count(key);
      const next = await store.putIfMatch(key, bytes, etag, options);
      written(tally, bytes.byteLength);
      return next;
    },
    list(prefix, options) {
      count(prefix);
      return store.list(prefix, options);
    },
    remove(key, options) {
      count(key);
      return store.remove(key, options);
    },
  };
  return writing;
}

/** The kind of the object at `key`. */
export function kindOf(key: Key): ObjectKind {
  const first = key.split('/', 1)[0];
  return OBJECT_KINDS.find((kind) => kind === first) ?? 'other';
}

function noCounts(): Tally {
  return { requests: 0, bytesRead: 0, bytesWritten: 0, objectsWritten: 0 };
}

function written(tally: Tally, bytes: number): void {
  tally.objectsWritten += 1;
  tally.bytesWritten += bytes;
}

function sizeOf(body: Body): number {
  return body instanceof Uint8Array ? body.byteLength : body.size;
}

function freeze(tallies: Readonly<Record<ObjectKind, Tally>>): StoreCounts {
  const total = noCounts();
  const kinds = { ...tallies };
  for (const kind of OBJECT_KINDS) {
    kinds[kind] = Object.freeze({ ...tallies[kind] });
    for (const name of ['requests', 'bytesRead', 'bytesWritten', 'objectsWritten'] as const) {
      total[name] += kinds[kind][name];
    }
  }
  return Object.freeze({ ...total, kinds: Object.freeze(kinds) });
}
