/**
 * One ReadStore over several that hold the same repository: mirrors, a directory on a stick, the CDN behind it.
 *
 * The first one that is well is asked, in the order in which they were given; `mirror-health.ts` says who is. What
 * fails goes on at the next, in the middle of a range at the very byte that is missing, and no place is asked twice
 * by one call. Then the call fails, and its caller decides about asking again. What is missing in one place is
 * looked for in the others that are well before it counts as missing. Nothing is trusted here: whose metadata is
 * newer, and what is expired, is for whoever verifies it.
 *
 * @module
 */
import { isSiltError, isTransient, SiltError } from '../core/errors.ts';
import { retryAfterOf } from '../core/retry.ts';
import { checkKey, checkRange, objectMissing } from './key.ts';
import { MirrorHealth, type MirrorTry } from './mirror-health.ts';
import { ServedRanges } from './mirrors-served.ts';
import type { ByteRange, CallOptions, Key, ObjectInfo, ReadStore, StoredObject } from './store.ts';

/** What one place has done so far. */
export interface MirrorUsage {
  readonly location: string;
  readonly requests: number;
  readonly bytes: number;
  /** Requests that failed. */
  readonly failures: number;
  /** Times that bytes from there turned out wrong. */
  readonly wrong: number;
}

export interface Mirrors extends ReadStore {
  /** What came from where, in the order in which they were given. */
  usage(): readonly MirrorUsage[];
}

export interface MirrorOptions {
  /** Milliseconds from any beginning. Default: the clock of this machine. */
  readonly now?: () => number;
  /** Hears of every failure after which another place is asked. */
  readonly onFailure?: (location: string, error: SiltError) => void;
}

/** What another place may have a better answer to. */
const OTHERS_MAY_HELP: ReadonlySet<string> = new Set([
  ...['NETWORK', 'STORE_REFUSED', 'RANGE_INVALID', 'OBJECT_MISSING'],
  ...['FORMAT_INVALID', 'NOT_A_REPOSITORY', 'IO_FAILED'],
]);

interface Mirror {
  readonly store: ReadStore;
  readonly health: MirrorHealth;
  readonly usage: { -readonly [K in keyof MirrorUsage]: MirrorUsage[K] };
}

/** The store over `stores`, which it closes with itself; at least one. */
export function openMirrors(stores: readonly ReadStore[], options: MirrorOptions = {}): Mirrors {
  return new MirrorStore(stores, options);
}

class MirrorStore implements Mirrors {
  readonly location: string;
  readonly #mirrors: readonly Mirror[];
  readonly #served = new ServedRanges<{ readonly mirror: Mirror; readonly at: number }>();
  readonly #now: () => number;
  readonly #onFailure: NonNullable<MirrorOptions['onFailure']>;

  constructor(stores: readonly ReadStore[], options: MirrorOptions) {
    const { now = () => performance.now(), onFailure = () => {} } = options;
    this.location = stores.map(({ location }) => location).join(', ');
    this.#onFailure = onFailure;
    this.#now = now;
    this.#mirrors = stores.map((store) => ({
      store,
      health: new MirrorHealth(now),
      usage: { location: store.location, requests: 0, bytes: 0, failures: 0, wrong: 0 },
    }));
  }

  usage(): readonly MirrorUsage[] {
    return this.#mirrors.map(({ usage }) => ({ ...usage }));
  }

  async get(
    key: Key,
    options: CallOptions & { readonly maxBytes: number },
  ): Promise<StoredObject | undefined> {
    return await this.#ask(key, options, async (mirror) => {
      const found = await mirror.store.get(key, options);
      this.#count(mirror, key, 0, found?.bytes.byteLength ?? 0);
      return found;
    });
  }

  async has(key: Key, options: CallOptions = {}): Promise<ObjectInfo | undefined> {
    return await this.#ask(key, options, ({ store }) => store.has(key, options));
  }

  async *getRange(key: Key, range: ByteRange, options: CallOptions = {}): AsyncGenerator<Uint8Array> {
    checkKey(key);
    checkRange(key, range);
    const end = range.offset + range.length;
    const turns = this.#turns(key, range.offset, options);
    let at = range.offset;
    for (const mirror of turns.mirrors) {
      const underWay = turns.begin(mirror);
      const from = at;
      try {
        for await (const block of mirror.store.getRange(key, { offset: at, length: end - at }, options)) {
          at += block.byteLength;
          yield block;
        }
        underWay.ok();
        return;
      } catch (error) {
        turns.failed(mirror, underWay, error);
        // A connection may break behind the last byte.
        if (at === end) return;
      } finally {
        // Also when the reader leaves early.
        underWay.leave();
        this.#count(mirror, key, from, at);
      }
    }
    throw turns.unanswered();
  }

  async close(): Promise<void> {
    await Promise.all(this.#mirrors.map(({ store }) => store.close()));
  }

  /** The first answer; "there is none" once all that are well have said so. */
  async #ask<T>(
    key: Key,
    options: CallOptions,
    action: (mirror: Mirror) => Promise<T | undefined>,
  ): Promise<T | undefined> {
    const turns = this.#turns(key, 0, options);
    let isMissing = false;
    for (const mirror of turns.mirrors) {
      if (isMissing && !mirror.health.isIn) continue;
      const underWay = turns.begin(mirror);
      try {
        const found = await action(mirror);
        underWay.ok();
        if (found !== undefined) return found;
        isMissing = true;
      } catch (error) {
        turns.failed(mirror, underWay, error);
      }
    }
    if (isMissing) return undefined;
    throw turns.unanswered();
  }

  /** Who is asked by one call, in which order, and what becomes of it. */
  #turns(key: Key, offset: number, options: CallOptions) {
    const suspect = options.fresh === true ? this.#served.take(key, offset) : undefined;
    if (suspect?.mirror.health.doubt(suspect.at)) suspect.mirror.usage.wrong += 1;
    const failures: { readonly location: string; readonly error: SiltError }[] = [];
    let asked = 0;
    return {
      mirrors: this.#inOrder(suspect?.mirror),
      begin: (mirror: Mirror): MirrorTry => {
        options.signal?.throwIfAborted();
        if (asked > 0) options.onRepeat?.();
        asked += 1;
        mirror.usage.requests += 1;
        return mirror.health.begin();
      },
      failed: (mirror: Mirror, underWay: MirrorTry, error: unknown): void => {
        if (options.signal?.aborted || !isSiltError(error) || !OTHERS_MAY_HELP.has(error.code)) {
          underWay.leave();
          throw error;
        }
        // One that does not have an object yet, or has a larger one, is well all the same.
        if (error.code === 'OBJECT_MISSING' || error.code === 'FORMAT_INVALID') underWay.ok();
        else underWay.fail(retryAfterOf(error));
        mirror.usage.failures += 1;
        const { location } = mirror.store;
        failures.push({ location, error });
        this.#onFailure(location, error);
      },
      unanswered: (): SiltError => this.#unanswered(key, failures),
    };
  }

  /** Those who are well as they were given, then the others by when they may be again; `suspect` after both. */
  #inOrder(suspect: Mirror | undefined): Mirror[] {
    const rank = (mirror: Mirror): number => {
      if (mirror === suspect) return Number.POSITIVE_INFINITY;
      return mirror.health.isIn ? Number.NEGATIVE_INFINITY : mirror.health.outUntil;
    };
    return this.#mirrors
      .filter(({ health }) => health.waitMs === 0)
      .map((mirror) => ({ mirror, rank: rank(mirror) }))
      .sort((a, b) => (a.rank === b.rank ? 0 : a.rank - b.rank))
      .map(({ mirror }) => mirror);
  }

  #count(mirror: Mirror, key: Key, from: number, to: number): void {
    mirror.usage.bytes += to - from;
    this.#served.add(key, from, to, { mirror, at: this.#now() });
  }

  /** What may pass by itself decides: then asking again later makes sense. */
  #unanswered(key: Key, failures: readonly { location: string; error: SiltError }[]): SiltError {
    const waits = this.#mirrors.map(({ health }) => health.waitMs).filter((ms) => ms > 0);
    const all = failures.length === 0 || waits.length === this.#mirrors.length;
    const retryAfterMs = all && waits.length > 0 ? Math.min(...waits) : undefined;
    const decisive = failures.find(({ error }) => isTransient(error))?.error ?? failures[0]?.error;
    // What the pack is left of may lie where it is missing.
    const isMissing = failures.some(({ error }) => error.code === 'OBJECT_MISSING') || undefined;
    // One that is to be asked later may have it.
    const mayPass = waits.length > 0;
    if (decisive === undefined || (mayPass && !decisive.transient)) {
      const message = `${waits.length} of ${this.#mirrors.length} places that may have ${key} asked to come back later; try again`;
      const details = { key, location: this.location, retryAfterMs, isMissing };
      return new SiltError('NETWORK', message, { details, cause: decisive, transient: true });
    }
    if (failures.every(({ error }) => error.code === 'OBJECT_MISSING')) {
      return objectMissing(key, this.location);
    }
    if (failures.length === 1) return decisive;
    const told = failures
      .map(({ location, error: { message } }) =>
        message.includes(location) ? message : `${location}: ${message}`,
      )
      .join('; ');
    const message = `none of ${failures.length} places gave ${key}: ${told}`;
    const { code, transient } = decisive;
    const details = { ...decisive.details, location: this.location, retryAfterMs, isMissing };
    return new SiltError(code, message, { details, cause: decisive, transient });
  }
}
