/**
 * What a publisher has just read of a repository. To ask again within the minute costs requests and mostly says the
 * same: so it is asked again only by whoever needs the present, and what is written relies on a condition instead.
 *
 * @module
 */
import { type ErrorCode, isSiltError } from '../core/errors.ts';
import type { TrustOptions } from './releases.ts';

/** Longer, and somebody else's change is so likely that a refused write would cost more than asking. */
const RECENT_MS = 60_000;

export class RecentRead<T> {
  readonly #read: (options: TrustOptions) => Promise<T>;
  readonly #elapsed: () => number;
  #last: { readonly value: T; readonly at: number } | undefined;
  #running: Promise<T> | undefined;

  /** @param elapsed milliseconds by a clock that nobody sets */
  constructor(read: (options: TrustOptions) => Promise<T>, elapsed: () => number = () => performance.now()) {
    this.#read = read;
    this.#elapsed = elapsed;
  }

  /** What is there at present; what was, within the last minute, if `recent` says that this will do. */
  async get(options: TrustOptions = {}): Promise<T> {
    if (options.recent === true) {
      const known = this.known();
      if (known !== undefined) return known.value;
      if (this.#running !== undefined) return await this.#running;
    }
    const running = this.#readNow(options);
    this.#running = running;
    try {
      return await running;
    } finally {
      if (this.#running === running) this.#running = undefined;
    }
  }

  async #readNow(options: TrustOptions): Promise<T> {
    const at = this.#elapsed();
    const value = await this.#read(options);
    this.#last = { value, at };
    return value;
  }

  /** What was read within the last minute. */
  known(): { readonly value: T } | undefined {
    return this.#last !== undefined && this.#elapsed() - this.#last.at < RECENT_MS ? this.#last : undefined;
  }

  /** To be called ahead of a write. */
  forget(): void {
    this.#last = undefined;
    this.#running = undefined;
  }
}

const PASSING: readonly ErrorCode[] = [
  ...(['CONFLICT', 'RELEASE_EXISTS', 'RELEASE_NOT_FOUND', 'NOT_A_REPOSITORY'] as const),
  ...(['SIGNATURES_MISSING', 'TRUST_NO_DELEGATION'] as const),
];

/** True for what may be otherwise by now: a change that fails so, after what was read a moment ago, looks again. */
export function mayHavePassed(error: unknown): boolean {
  return PASSING.some((code) => isSiltError(error, code));
}
