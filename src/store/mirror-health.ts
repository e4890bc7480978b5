/**
 * How one of several places is doing: whether it is to be asked now, later, or only when nobody else is left.
 *
 * A failure takes it out for five seconds, and twice as long with each that follows, up to five minutes. Then one
 * request tries it; the others wait for the outcome elsewhere. An answer brings it back. Bytes that turned out
 * wrong count like failures and are not forgiven by answers: a damaged cache answers well. A place that said when
 * to come back (Retry-After) is not asked before.
 *
 * @module
 */

/** First time out, in milliseconds. */
export const FIRST_OUT_MS = 5000;
/** Longest time out, in milliseconds. */
export const MOST_OUT_MS = 300_000;

/** A request under way; one of the first two is called, or `leave`, which may follow them as well. */
export interface MirrorTry {
  ok(): void;
  /** @param retryAfterMs what the place asked for */
  fail(retryAfterMs?: number): void;
  /** Given up by the caller: nothing is learnt. */
  leave(): void;
}

export class MirrorHealth {
  readonly #now: () => number;
  #failures = 0;
  #wrong = 0;
  #outSince = Number.NEGATIVE_INFINITY;
  #outUntil = Number.NEGATIVE_INFINITY;
  #askedFor = Number.NEGATIVE_INFINITY;
  #onTrial = false;

  /** @param now milliseconds from any beginning */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** True when it is as good as any other. */
  get isIn(): boolean {
    return this.#now() >= this.#outUntil && !this.#onTrial && this.waitMs === 0;
  }

  /** When its time out is over. */
  get outUntil(): number {
    return this.#outUntil;
  }

  /** What is left of the wait that it asked for, in milliseconds. */
  get waitMs(): number {
    return Math.max(0, this.#askedFor - this.#now());
  }

  /** A request begins. */
  begin(): MirrorTry {
    const began = this.#now();
    const isTrial = this.#failures > 0 && !this.#onTrial;
    if (isTrial) this.#onTrial = true;
    const end = (): void => {
      if (isTrial) this.#onTrial = false;
    };
    return {
      ok: () => {
        end();
        this.#failures = 0;
        if (this.#wrong === 0) this.#outUntil = Number.NEGATIVE_INFINITY;
      },
      fail: (retryAfterMs) => {
        end();
        if (retryAfterMs !== undefined) {
          this.#askedFor = Math.max(this.#askedFor, this.#now() + retryAfterMs);
        }
        // Of several requests that fail together, one says it all.
        if (began < this.#outSince) return;
        this.#failures += 1;
        this.#takeOut();
      },
      leave: end,
    };
  }

  /**
   * Bytes that came from there at `servedAt` were wrong.
   *
   * @returns false when that is no news: it was taken out since
   */
  doubt(servedAt: number): boolean {
    if (servedAt < this.#outSince) return false;
    this.#wrong += 1;
    this.#takeOut();
    return true;
  }

  #takeOut(): void {
    const doublings = Math.min(this.#failures + this.#wrong - 1, 16);
    this.#outSince = this.#now();
    this.#outUntil = this.#outSince + Math.min(MOST_OUT_MS, FIRST_OUT_MS * 2 ** doublings);
  }
}
