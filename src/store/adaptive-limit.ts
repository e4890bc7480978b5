/**
 * How many requests to one store are under way at once: more while that helps, half as many when the store has had
 * enough (additive increase, multiplicative decrease, as TCP does it, RFC 5681).
 *
 * It begins with {@link FIRST_REQUESTS} and stays between 1 and {@link MOST_REQUESTS}. It counts only while as many
 * are under way as may be: a caller who asks for little learns nothing. After as many answers as the limit is,
 * it grows by {@link STEP}, provided the last step made more come through; otherwise it stays for
 * {@link PATIENCE} such rounds before it tries again.
 *
 * @module
 */

export const FIRST_REQUESTS = 8;
export const MOST_REQUESTS = 64;
const STEP = 4;
const PATIENCE = 8;
/** A step helps when it brings at least so much more; less is noise. */
const GAIN = 1.02;
/** A request counts as so many bytes besides its own, so that small ones are seen to come through too. */
const REQUEST_WORTH: number = 64 * 1024;

/** How a request ended, for the limit. */
export type Outcome = 'fine' | 'crowded';

export interface AdaptiveLimitOptions {
  /** Milliseconds that only go up. Default: `performance.now`. A test gives its own. */
  readonly elapsed?: () => number;
  /** Default {@link FIRST_REQUESTS}. */
  readonly first?: number;
  /** Default {@link MOST_REQUESTS}. */
  readonly most?: number;
}

/** A request that has been let through. */
export interface Admission {
  /**
   * To be called once, when the answer is there.
   *
   * @param bytes that went with it
   */
  end(outcome: Outcome, bytes: number): void;
}

export class AdaptiveLimit {
  readonly #elapsed: () => number;
  readonly #most: number;
  readonly #waiting: (() => void)[] = [];
  #limit: number;
  #active = 0;
  /** Counts decreases: what was sent before the last one says nothing about the limit since. */
  #epoch = 0;
  #round = { began: 0, ended: 0, worth: 0, isFull: false };
  #lastRate = 0;
  #patience = 0;

  constructor(options: AdaptiveLimitOptions = {}) {
    this.#elapsed = options.elapsed ?? (() => performance.now());
    this.#most = Math.max(1, options.most ?? MOST_REQUESTS);
    this.#limit = Math.min(this.#most, Math.max(1, options.first ?? FIRST_REQUESTS));
    this.#newRound();
  }

  /** Requests that may be under way at once at this moment. */
  get limit(): number {
    return this.#limit;
  }

  /** Waits for its turn, first come, first served. @throws the reason of `signal` */
  async admit(signal?: AbortSignal): Promise<Admission> {
    signal?.throwIfAborted();
    if (this.#active < this.#limit && this.#waiting.length === 0) this.#active += 1;
    else await this.#turn(signal);
    if (this.#active >= this.#limit) this.#round.isFull = true;
    const epoch = this.#epoch;
    return {
      end: (outcome, bytes) => {
        this.#active -= 1;
        if (outcome === 'crowded') this.#decrease(epoch);
        else if (epoch === this.#epoch) this.#count(bytes);
        this.#letIn();
      },
    };
  }

  async #turn(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = (): void => {
      const at = this.#waiting.indexOf(resolve);
      if (at !== -1) this.#waiting.splice(at, 1);
      reject(signal?.reason);
    };
    this.#waiting.push(resolve);
    signal?.addEventListener('abort', leave, { once: true });
    try {
      // Whoever lets it in has counted it already.
      await promise;
    } finally {
      signal?.removeEventListener('abort', leave);
    }
  }

  #letIn(): void {
    while (this.#active < this.#limit) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#active += 1;
      next();
    }
  }

  #decrease(epoch: number): void {
    // Requests of one burst are refused together, which is one piece of news.
    if (epoch !== this.#epoch) return;
    this.#epoch += 1;
    this.#limit = Math.max(1, Math.floor(this.#limit / 2));
    this.#lastRate = 0;
    this.#patience = 0;
    this.#newRound();
  }

  #count(bytes: number): void {
    const round = this.#round;
    round.ended += 1;
    round.worth += bytes + REQUEST_WORTH;
    if (round.ended < this.#limit) return;
    if (round.isFull) this.#step(round.worth / Math.max(1, this.#elapsed() - round.began));
    this.#newRound();
  }

  /** @param rate of the round that is over, per millisecond */
  #step(rate: number): void {
    const hasHelped = rate > this.#lastRate * GAIN;
    this.#patience = hasHelped ? 0 : this.#patience + 1;
    if (hasHelped) this.#lastRate = rate;
    if (!hasHelped && this.#patience < PATIENCE) return;
    if (!hasHelped) {
      // The line may be another one by now.
      this.#lastRate = rate;
      this.#patience = 0;
    }
    this.#limit = Math.min(this.#most, this.#limit + STEP);
  }

  #newRound(): void {
    this.#round = { began: this.#elapsed(), ended: 0, worth: 0, isFull: false };
  }
}
