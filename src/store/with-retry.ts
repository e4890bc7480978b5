/**
 * A store that asks again after a transient failure.
 *
 * Repeated are the calls that may be made twice: get, has, putIfAbsent, putIfMatch and remove. Ranges and
 * listings pass through, because only their caller knows what of them it has already used.
 *
 * A conditional write whose answer was lost is refused when it is repeated: by its own work. So one that was sent more
 * than once, and is refused, looks at what is there, and counts it as its own if it is the same. That is a mistake when
 * somebody else wrote the same bytes at that very moment, which makes no difference to anybody: an object that never
 * changes is what it is, whoever wrote it, and one that changes says what this writer wanted it to say. Where it matters
 * who wrote, the bytes hold a number drawn by lot: in leases, turns of a prune, and the probe of
 * `publisher/require-exclusive-writes.ts`.
 *
 * @module
 */
import { equalBytes } from '../core/bytes.ts';
import { isSiltError, SiltError } from '../core/errors.ts';
import { type RetryOptions, retryTransient } from '../core/retry.ts';
import { MiB } from '../core/sizes.ts';
import { bodySize } from './body-source.ts';
import { isStore } from './is-store.ts';
import type { Body, CallOptions, Key, PutOptions, ReadStore, Store, StoredObject } from './store.ts';

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
    putIfAbsent: (key, body, call) =>
      again(call, (attempt) => createOrRecognise(store, { key, body, call }, attempt)),
    putIfMatch: (key, bytes, etag, call) =>
      again(call, (attempt) => putOrRecognise(store, { key, bytes, etag, call }, attempt)),
    list: (prefix, call) => store.list(prefix, call),
    remove: (key, call) => again(call, () => store.remove(key, call)),
  };
  return writing;
}

/**
 * Up to this size what is there is held against the bytes that were sent: all metadata is smaller. What is larger is
 * named by its digest, and its size tells enough; or it is a remnant of a pack, whose head every prune reads before it
 * relies on it.
 */
const MAX_COMPARED: number = 8 * MiB;

interface Creation {
  readonly key: Key;
  readonly body: Body;
  readonly call: PutOptions | undefined;
}

/** What is there on a repetition may be the work of an earlier try. */
async function createOrRecognise(
  store: Store,
  put: Creation,
  attempt: number,
): Promise<'created' | 'exists'> {
  const { key, body, call } = put;
  const outcome = await store.putIfAbsent(key, body, call);
  if (outcome === 'created' || attempt === 1) return outcome;
  if (body instanceof Uint8Array && body.byteLength <= MAX_COMPARED) {
    return (await holding(store, key, body, call)) === undefined ? 'exists' : 'created';
  }
  return (await store.has(key, call))?.size === bodySize(body) ? 'created' : 'exists';
}

interface Replacement {
  readonly key: Key;
  readonly bytes: Uint8Array;
  readonly etag: string | undefined;
  readonly call: PutOptions | undefined;
}

/**
 * A conflict on a repetition may be with our own first try: then the object holds our bytes, unless somebody else has
 * replaced them since. `answerLost` in the details of the error says that this may be so.
 */
async function putOrRecognise(store: Store, put: Replacement, attempt: number): Promise<string> {
  const { key, bytes, etag, call } = put;
  try {
    return await store.putIfMatch(key, bytes, etag, call);
  } catch (error) {
    if (attempt === 1 || !isSiltError(error, 'CONFLICT')) throw error;
    const found = await holding(store, key, bytes, call);
    if (found?.etag !== undefined) return found.etag;
    // Whoever begins anew may find that it was done, and that others have gone on from there.
    const details = { ...error.details, answerLost: true };
    throw new SiltError('CONFLICT', error.message, { details, cause: error });
  }
}

/** The object at `key`, if it is just these bytes. */
async function holding(
  store: Store,
  key: Key,
  bytes: Uint8Array,
  call: PutOptions | undefined,
): Promise<StoredObject | undefined> {
  try {
    const found = await store.get(key, { ...call, maxBytes: bytes.byteLength });
    return found !== undefined && equalBytes(found.bytes, bytes) ? found : undefined;
  } catch (error) {
    // Longer than ours.
    if (isSiltError(error, 'FORMAT_INVALID')) return undefined;
    throw error;
  }
}
