/**
 * Looks at objects of a repository, and takes note of what is wrong with them and of how much was read.
 *
 * @module
 */
import { isSiltError, SiltError } from '../core/errors.ts';
import { MAX_PACK } from '../format/limits.ts';
import { readRange } from '../store/read-range.ts';
import type { ReadStore } from '../store/store.ts';
import { type DamagedObject, problemOf } from './damage.ts';

export class ObjectCheck {
  readonly damaged: DamagedObject[] = [];
  bytesRead = 0;
  protected readonly store: ReadStore;
  protected readonly signal: AbortSignal | undefined;

  constructor(store: ReadStore, signal: AbortSignal | undefined) {
    this.store = store;
    this.signal = signal;
  }

  /** Runs `work`; what is wrong with the object is noted, what keeps us from checking it is thrown. */
  async guard(key: string, work: () => Promise<void>): Promise<void> {
    this.signal?.throwIfAborted();
    try {
      await work();
    } catch (error) {
      if (!isSiltError(error) || error.code === 'INTERRUPTED') throw error;
      // Other bytes may come from a cache, but they were asked for more than once.
      if (error.transient && error.code !== 'DIGEST_MISMATCH') throw error;
      // A server that does not let us see it tells nothing of the object.
      if (error.code === 'STORE_REFUSED' && error.details.status !== undefined) throw error;
      this.note(key, error);
    }
  }

  protected note(key: string, error: SiltError): void {
    this.damaged.push({ key, problem: problemOf(error), code: error.code, message: error.message });
  }

  /** True when the object is there. */
  async isThere(key: string): Promise<boolean> {
    return (await this.sizeOf(key)) !== undefined;
  }

  protected async sizeOf(key: string): Promise<number | undefined> {
    const options = this.signal === undefined ? {} : { signal: this.signal };
    return (await this.store.has(key, options))?.size;
  }

  protected async requireSize(key: string, expected: number | undefined): Promise<number> {
    const found = await this.sizeOf(key);
    if (found === undefined) throw this.missing(key);
    if (expected !== undefined) requireEqual(key, 'size', expected, found);
    if (found > MAX_PACK && key.startsWith('packs/')) {
      throw new SiltError('FORMAT_INVALID', `${key}: expected at most ${MAX_PACK} bytes, found ${found}`);
    }
    return found;
  }

  protected missing(key: string): SiltError {
    return new SiltError('OBJECT_MISSING', `${this.store.location}: ${key} is missing`, {
      details: { key },
    });
  }

  protected async read(key: string, offset: number, length: number): Promise<Uint8Array> {
    if (length === 0) return new Uint8Array();
    this.bytesRead += length;
    return await readRange(this.store, key, { offset, length }, { signal: this.signal });
  }
}

/** @throws SiltError DIGEST_MISMATCH unless both are the same */
export function requireEqual(
  key: string,
  what: string,
  expected: string | number,
  found: string | number,
): void {
  if (expected === found) return;
  throw new SiltError('DIGEST_MISMATCH', `${key}: expected the ${what} ${expected}, found ${found}`, {
    details: { key, expected, found },
  });
}
