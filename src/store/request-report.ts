/**
 * What a store tells of its requests, so that requests and bytes can be counted exactly.
 *
 * @module
 */
import type { Key } from './store.ts';

/** One finished request over the network, successful or not. A redirect is a request of its own. */
export interface RequestReport {
  /** The object asked for, or the prefix of a listing. */
  readonly key: Key;
  /** `GET`, `HEAD`; over S3 the operation, such as `PutObject`. */
  readonly method: string;
  /** The status of the answer; 0 when there was none. */
  readonly status: number;
  /** Bytes of body: taken from the answer, or sent with the request. */
  readonly bytes: number;
  /** From sending the request to the end of the body. */
  readonly seconds: number;
}

export type OnRequest = (report: RequestReport) => void;

/** One request under way. */
export interface RequestTally {
  /** Counts bytes of its body. */
  add(bytes: number): void;
  /** Reports it, the first time it is called. */
  finish(status: number): void;
}

/** Begins the account of one request. */
export function startTally(onRequest: OnRequest | undefined, key: Key, method: string): RequestTally {
  const began = performance.now();
  let bytes = 0;
  let finished = false;
  return {
    add(count) {
      bytes += count;
    },
    finish(status) {
      if (finished) return;
      finished = true;
      const seconds = (performance.now() - began) / 1000;
      onRequest?.(Object.freeze({ key, method, status, bytes, seconds }));
    },
  };
}
