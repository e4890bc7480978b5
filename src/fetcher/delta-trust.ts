/**
 * Whether a delta is still worth using: its Base may have been altered in a few places, or be another image
 * altogether. Pure.
 *
 * @module
 */
import { isSiltError } from '../core/errors.ts';
import { KiB } from '../core/sizes.ts';

/** Below this a delta is not worth giving up. */
const LEAST_TRIAL: number = 64 * KiB;

/** What a payload saves, guessed low: chunks of its window take four times as much, but no more than a quarter of it. */
function savingOf(payload: number, length: number): number {
  return Math.max(0, Math.min(4 * payload, length / 4) - payload);
}

/** Wrong windows that are repaired at once; those that follow wait, so that their chunks are asked for together. */
export const REPAIRED_AT_ONCE = 8;

/** Bytes of payloads that may turn out useless before the delta is given up: of an update without it some 3 %. */
export function trialBytes(payloadBytes: number): number {
  return Math.max(LEAST_TRIAL, payloadBytes / 8);
}

export class DeltaTrust {
  readonly #limit: number;
  #saved = 0;
  #wasted = 0;
  #wrong = 0;

  /** @param payloadBytes that the plan asks for */
  constructor(payloadBytes: number) {
    this.#limit = trialBytes(payloadBytes);
  }

  /**
   * Takes note of how a window by the delta came out.
   *
   * @param payload its length; 0 where the window was copied
   * @param length of the window
   */
  heard(right: boolean, payload: number, length: number): void {
    if (right) this.#saved += savingOf(payload, length);
    else this.#wasted += payload;
    if (!right) this.#wrong += 1;
  }

  /** True once a payload has given a right window, and not by being all of it. */
  get hasServed(): boolean {
    return this.#saved > 0;
  }

  /** True when the last wrong window should wait for others. */
  get defers(): boolean {
    return this.#wrong > REPAIRED_AT_ONCE;
  }

  get givenUp(): boolean {
    return this.#wasted >= this.#limit && this.#wasted > this.#saved;
  }
}

/** True for a failure that is the delta's own: chunks may come all the same. */
export function isDeltaLost(error: unknown): boolean {
  if (!isSiltError(error)) return false;
  switch (error.code) {
    case 'OBJECT_MISSING':
    case 'STORE_REFUSED':
    case 'RANGE_INVALID':
    case 'DIGEST_MISMATCH':
    case 'FORMAT_INVALID':
    case 'FORMAT_UNSUPPORTED':
    case 'SEAL_BROKEN':
      return true;
    default:
      return false;
  }
}
