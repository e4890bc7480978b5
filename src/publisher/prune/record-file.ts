/**
 * The record of a repository, and the moment of a prune, which is found out by writing it.
 *
 * @module
 */
import { isSiltError, SiltError } from '../../core/errors.ts';
import { CATALOG_KEY } from '../../format/catalog.ts';
import { MAX_PRUNE_RECORD } from '../../format/limits.ts';
import {
  decodePruneRecord,
  encodePruneRecord,
  PRUNE_RECORD_KEY,
  type PruneRecord,
} from '../../format/prune-record.ts';
import type { Moment } from '../../format/prune-times.ts';
import type { Store } from '../../store/store.ts';
import type { LeaseAccess } from './change-leases.ts';

/** By so much the clock of a store may go back: it is set right now and then. */
const TOLERANCE_MS = 300_000;

export class RecordFile {
  readonly #store: Store;
  readonly #options: { readonly signal?: AbortSignal };
  #etag: string | undefined;

  constructor({ store, signal }: Pick<LeaseAccess, 'store' | 'signal'>) {
    this.#store = store;
    this.#options = signal === undefined ? {} : { signal };
  }

  /** What it says; nothing when there is none, or one that is damaged: then every grace begins anew. */
  async read(): Promise<PruneRecord> {
    const found = await this.#store.get(PRUNE_RECORD_KEY, { maxBytes: MAX_PRUNE_RECORD, ...this.#options });
    this.#etag = found?.etag;
    if (found === undefined) return new Map();
    try {
      return decodePruneRecord(found.bytes);
    } catch (error) {
      if (isSiltError(error, 'FORMAT_INVALID')) return new Map();
      throw error;
    }
  }

  /** @throws SiltError CONFLICT when another prune wrote it meanwhile */
  async write(record: PruneRecord): Promise<void> {
    const bytes = encodePruneRecord(record);
    try {
      this.#etag = await this.#store.putIfMatch(PRUNE_RECORD_KEY, bytes, this.#etag, this.#options);
    } catch (error) {
      throw isSiltError(error, 'CONFLICT') ? anotherPrune(this.#store.location) : error;
    }
  }

  /**
   * Writes `record`, and takes the time of that.
   *
   * @param own the clock of this machine, in milliseconds since 1970
   * @throws SiltError CONFLICT when another prune wrote it; STORE_REFUSED when the store's clock has gone back
   */
  async begin(record: PruneRecord, own: number): Promise<Moment> {
    await this.write(record);
    const written = await this.#store.has(PRUNE_RECORD_KEY, this.#options);
    if (written?.etag !== this.#etag) throw anotherPrune(this.#store.location);
    const { modified } = written ?? {};
    if (modified === undefined) return { own };
    const shown = await this.#store.has(CATALOG_KEY, this.#options);
    if ((shown?.modified ?? 0) > modified + TOLERANCE_MS) {
      throw new SiltError(
        'STORE_REFUSED',
        `${this.#store.location}: the clock says ${new Date(modified).toISOString()}, but metadata was stored at ` +
          `${new Date(shown?.modified ?? 0).toISOString()}; set the clock, and prune then`,
        { details: { found: modified, expected: shown?.modified } },
      );
    }
    return { own, store: Math.floor(modified) };
  }

  /** @throws SiltError CONFLICT when it is not what this run wrote last */
  async requireOwn(): Promise<void> {
    const found = await this.#store.has(PRUNE_RECORD_KEY, this.#options);
    if (found?.etag !== this.#etag) throw anotherPrune(this.#store.location);
  }
}

function anotherPrune(location: string): SiltError {
  return new SiltError(
    'CONFLICT',
    `another prune of ${location} is at work; let it end, and run this one again`,
    { details: { location } },
  );
}
