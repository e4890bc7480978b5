/**
 * Level 2 of the windows that need it: fetched by ranges, checked, kept in a spool.
 *
 * @module
 */
import { equalBytes } from '../core/bytes.ts';
import { SiltError } from '../core/errors.ts';
import type { RetryOptions } from '../core/retry.ts';
import { tagOf } from '../format/frame.ts';
import type { IndexHead } from '../format/index-head.ts';
import { decodeLevel2, type WindowMap } from '../format/level2.ts';
import type { ReadStore } from '../store/store.ts';
import type { ObjectSeal } from '../trust/seal/content-key.ts';
import { openSegment } from '../trust/seal/sealed-head.ts';
import { readSpans } from './range-reader.ts';
import { planRanges, type RangeCosts, type RangeRequest, type Span } from './ranges.ts';
import type { Spool } from './spool.ts';

interface Level2Span extends Span {
  readonly window: number;
}

/** Requests at once. */
const PARALLEL = 4;

export class Level2Source {
  readonly #store: ReadStore;
  readonly #key: string;
  readonly #head: IndexHead;
  readonly #spool: Spool;
  readonly #retry: RetryOptions;
  readonly #seal: ObjectSeal | undefined;
  /** Where the blocks lie in the spool, as they were before they were sealed. */
  readonly #places = new Map<number, { readonly at: number; readonly length: number }>();

  /**
   * @param key of the index object
   * @param seal of a sealed one
   */
  constructor(
    store: ReadStore,
    key: string,
    head: IndexHead,
    spool: Spool,
    retry: RetryOptions,
    seal?: ObjectSeal,
  ) {
    this.#store = store;
    this.#key = key;
    this.#head = head;
    this.#spool = spool;
    this.#retry = retry;
    this.#seal = seal;
  }

  /** The requests that {@link Level2Source.load} would make for these windows, in ascending order. */
  requestsFor(windows: readonly number[], costs: RangeCosts): RangeRequest<Level2Span>[] {
    const spans = windows
      .filter((window) => !this.#places.has(window))
      .flatMap((window): Level2Span[] => {
        const level2 = this.#head.windows[window]?.level2;
        return level2 === undefined
          ? []
          : [{ object: 0, offset: level2.offset, length: level2.length, window }];
      });
    return planRanges(spans, costs);
  }

  /** Carries the requests out, a few at a time. */
  async load(requests: readonly RangeRequest<Level2Span>[]): Promise<void> {
    const left = [...requests];
    const lane = async (): Promise<void> => {
      for (let request = left.shift(); request !== undefined; request = left.shift())
        await this.#read(request);
    };
    // All of them, even when one fails: the spool must not be closed under the others.
    const stop = (error: unknown): never => {
      left.length = 0;
      throw error;
    };
    const lanes = await Promise.allSettled(Array.from({ length: PARALLEL }, () => lane().catch(stop)));
    const failed = lanes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async #read(request: RangeRequest<Level2Span>): Promise<void> {
    await readSpans(
      this.#store,
      this.#key,
      request,
      ({ window, offset }, bytes) => {
        const { level2 } = this.#head.windows[window] as { level2: { tag: Uint8Array } };
        const block = openSegment(this.#seal, offset, bytes);
        if (!equalBytes(tagOf(block), level2.tag)) return false;
        this.#places.set(window, { at: this.#spool.append(block), length: block.length });
        return true;
      },
      this.#retry,
    );
  }

  /** The chunks of a window that was loaded. @throws SiltError FORMAT_INVALID */
  map(window: number): WindowMap {
    const place = this.#places.get(window);
    const entry = this.#head.windows[window];
    if (place === undefined || entry === undefined) {
      throw new SiltError('INTERNAL', `level 2 of window ${window} was not loaded`);
    }
    const bytes = this.#spool.read(place.at, place.length);
    return decodeLevel2(bytes, entry.length, this.#head.packs.length);
  }
}
