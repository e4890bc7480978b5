/**
 * A store with one object that fails by a script, in memory: for those who ask again.
 *
 * @module
 */
import { SiltError } from '../../src/core/errors.ts';
import type { ByteRange, ReadStore } from '../../src/store/store.ts';

export interface Trouble {
  /** Bytes that come before it. */
  readonly after: number;
  /** An error, or the end, or all the rest with its first bit turned over. */
  readonly what: SiltError | 'end' | 'flip';
}

export interface ScriptedStore extends ReadStore {
  /** Every range that was asked for. */
  readonly asked: ByteRange[];
  /** Of each, whether it was to pass caches by. */
  readonly fresh: boolean[];
}

/** What `troubles` gives is what happens to the requests, one after another; `undefined`: all goes well. */
export function scriptedStore(
  object: Uint8Array,
  troubles: Iterator<Trouble | undefined>,
  blockBytes = 1000,
): ScriptedStore {
  const asked: ByteRange[] = [];
  const fresh: boolean[] = [];
  return {
    asked,
    fresh,
    location: 'memory',
    async *getRange(_key, range, options) {
      asked.push(range);
      fresh.push(options?.fresh === true);
      const trouble = troubles.next().value as Trouble | undefined;
      const body = Uint8Array.from(object.subarray(range.offset, range.offset + range.length));
      if (trouble?.what === 'flip' && trouble.after < body.length) {
        body[trouble.after] = (body[trouble.after] ?? 0) ^ 1;
      }
      const end = trouble === undefined || trouble.what === 'flip' ? body.length : trouble.after;
      for (let at = 0; at < end; at += blockBytes) yield body.slice(at, Math.min(at + blockBytes, end));
      if (trouble?.what instanceof SiltError) throw trouble.what;
    },
    get: async () => undefined,
    has: async () => undefined,
    close: async () => {},
  };
}
