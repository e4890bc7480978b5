/**
 * A store that asks again after a transient failure.
 *
 * Repeated are the calls that may be made twice: get, has, putIfAbsent, putIfMatch and remove. Ranges and
 * listings pass through, because only their caller knows what of them it has already used. A putIfAbsent
 * whose first try arrived unheard ends as `exists`; a putIfMatch in that case is recognised by its bytes.
 *
 * @module
 */
import { equalBytes } from '../core/bytes.ts';
import { isSiltError } from '../core/errors.ts';
import { type RetryOptions, retryTransient } from '../core/retry.ts';
import { isStore } from './is-store.ts';
import type { CallOptions, Key, PutOptions, ReadStore, Store } from './store.ts';

export type StoreRetryOptions = Omit<RetryOptions, 'signal'>;

/** `store` with its repeatable calls repeated as `options` say; a {@link Store} stays one. */
export function withRetry<S extends ReadStore>(store: S, options?: StoreRetryOptions): S;
export function withRetry(store: ReadStore, options: StoreRetryOptions = {}): ReadStore {
  const again = <T>(call: CallOptions | undefined, action: (attempt: number) => Promise<T>): Promise<T> =>
    retryTransient(action, { ...options, signal: call?.signal });
  const reading: ReadStore = {
    location: store.location,
    get: (key, call) => again(call, () => store.get(key, call)),
    getRange: (key, range, call) => store.getRange(key, range, call),
    has: (key, call) => again(call, () => store.has(key, call)),
    close: () => store.close(),
  };
  if (!isStore(store)) return reading;
  const writing: Store = {
    ...reading,
    putIfAbsent: (key, body, call) => again(call, () => store.putIfAbsent(key, body, call)),
    putIfMatch: (key, bytes, etag, call) =>
      again(call, (attempt) => putOrRecognise(store, { key, bytes, etag, call }, attempt)),
    list: (prefix, call) => store.list(prefix, call),
    remove: (key, call) => again(call, () => store.remove(key, call)),
  };
  return writing;
}

interface Put {
  readonly key: Key;
  readonly bytes: Uint8Array;
  readonly etag: string | undefined;
  readonly call: PutOptions | undefined;
}

/** A conflict on a repetition may be with our own first try: then the object holds our bytes. */
async function putOrRecognise(store: Store, put: Put, attempt: number): Promise<string> {
  const { key, bytes, etag, call } = put;
  try {
    return await store.putIfMatch(key, bytes, etag, call);
  } catch (error) {
    if (attempt === 1 || !isSiltError(error, 'CONFLICT')) throw error;
    const found = await store.get(key, { ...call, maxBytes: bytes.byteLength }).catch((problem: unknown) => {
      if (isSiltError(problem, 'FORMAT_INVALID')) return undefined;
      throw problem;
    });
    if (found?.etag !== undefined && equalBytes(found.bytes, bytes)) return found.etag;
    throw error;
  }
}
