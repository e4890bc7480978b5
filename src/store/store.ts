/**
 * The Store contract: a flat space of immutable objects, and one mutable object, behind keys such as
 * `packs/<sha256>`. Directory, HTTP and S3 stores fulfil it; `with-*.ts` wrap one store in another.
 * `test/support/store-contract.ts` holds each of them to the words below.
 *
 * A missing object is `undefined`; anything else that goes wrong throws a {@link SiltError}, whose
 * `transient` says whether asking again may help. A store never retries a read by itself: the caller
 * knows which bytes it has verified and asks again for the rest.
 *
 * @module
 */

/** Where a repository's objects lie; `/` separates, never leading, never `.` or `..` as a part. */
export type Key = string;

/** A run of bytes of an object. */
export interface ByteRange {
  readonly offset: number;
  /** At least 1. */
  readonly length: number;
}

export interface ObjectInfo {
  readonly size: number;
  /** Opaque validator that changes with the object's bytes; absent where the server gives none. */
  readonly etag?: string;
  /**
   * When the object got its bytes, by the store's clock, in milliseconds since 1970; absent where it does not say.
   * A store may round it down to a second.
   */
  readonly modified?: number;
}

export interface StoredObject {
  readonly bytes: Uint8Array;
  readonly etag?: string;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /**
   * What came for this last time was not what it must be: a cache on the way is to be passed by, and of several
   * places another one asked.
   */
  readonly fresh?: boolean;
  /** Hears of every request beyond the first that the call is about to make elsewhere; throws to forbid it. */
  readonly onRepeat?: () => void;
}

/** What is put: bytes in memory, or a file on disk that is read while it is sent. */
export type Body = Uint8Array | { readonly path: string; readonly size: number };

export interface PutOptions extends CallOptions {
  /** Sent as Content-Type where the store has one. Default `application/octet-stream`. */
  readonly contentType?: string;
}

/** What a device needs of a repository. */
export interface ReadStore {
  /** The location as a user would write it, for messages. */
  readonly location: string;

  /**
   * The whole object, or `undefined` when there is none.
   *
   * @throws SiltError FORMAT_INVALID once more than `maxBytes` arrive; nothing beyond the cap is buffered
   */
  get(key: Key, options: CallOptions & { readonly maxBytes: number }): Promise<StoredObject | undefined>;

  /**
   * Exactly the bytes of `range`, as they arrive. A single-range request where there are requests.
   *
   * The iteration throws when the server answers something else: RANGE_INVALID (the whole object, another
   * range, too few or too many bytes), OBJECT_MISSING, NETWORK (transient: reset, stall, 429, 5xx; details
   * carry `status` and `retryAfterMs` where known). Leaving the loop early closes the response.
   */
  getRange(key: Key, range: ByteRange, options?: CallOptions): AsyncIterable<Uint8Array>;

  /** Size and validator, or `undefined` when there is no such object. */
  has(key: Key, options?: CallOptions): Promise<ObjectInfo | undefined>;

  /** Gives back sockets and the like. A closed store is not used again. */
  close(): Promise<void>;
}

/** What a publisher needs of a repository. */
export interface Store extends ReadStore {
  /** Stores `body` unless the key exists; never replaces. Readers see all of it or nothing. */
  putIfAbsent(key: Key, body: Body, options?: PutOptions): Promise<'created' | 'exists'>;

  /**
   * Replaces the object if its validator still is `etag`; `undefined` means "there is none yet".
   *
   * @returns the new validator
   * @throws SiltError CONFLICT when somebody else was faster; with `answerLost` in its details when this call may have
   *   been carried out ahead of that, by a request whose answer was lost
   */
  putIfMatch(key: Key, bytes: Uint8Array, etag: string | undefined, options?: PutOptions): Promise<string>;

  /** Every key that begins with `prefix`, with its size, in no particular order. */
  list(prefix: string, options?: CallOptions): AsyncIterable<{ readonly key: Key; readonly size: number }>;

  /** Removes the object; removing a missing one is no error. */
  remove(key: Key, options?: CallOptions): Promise<void>;
}
