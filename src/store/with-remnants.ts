/**
 * A store in which a pack that was made smaller reads as the pack it was: where the pack itself is gone, its ranges
 * come from the first of its remnants that there is. docs/format/remnant.md.
 *
 * Bytes that no frame in use needs read as zeros; nothing here is trusted, for whoever opens a frame compares its
 * tag. To stand outside of what counts and of what keeps a budget, so that these see the requests that are made: two
 * more for a pack, once, and one for each range as ever. A store asked in vain is asked again by its caller.
 *
 * Memory: the heads of the remnants of at most {@link MOST} packs: one each as a rule, of some 200 bytes, and 20 KiB at
 * the most.
 *
 * @module
 */
import { concatBytes } from '../core/bytes.ts';
import { toHex } from '../core/digest.ts';
import { isSiltError, SiltError } from '../core/errors.ts';
import { KiB } from '../core/sizes.ts';
import { MAX_REMNANTS } from '../format/limits.ts';
import {
  decodeRemnantHead,
  isPackKey,
  piecesOf,
  REMNANT_HEAD_BYTES,
  type RemnantHead,
  remnantKey,
} from '../format/remnant.ts';
import { rangeOutside } from './key.ts';
import type { ByteRange, CallOptions, Key, ReadStore } from './store.ts';

/** Packs of which is remembered what is left. */
const MOST = 1024;

const BLOCK: number = 64 * KiB;

export interface RemnantReader extends ReadStore {
  /**
   * Which ranges there are of a pack that has been read from a remnant; `undefined` for one that is whole, as far as
   * it was read.
   */
  rangesOf(key: Key): Promise<readonly ByteRange[] | undefined>;
}

/** `store`, in which packs of which remnants are left read as if they were there. */
export function withRemnants(store: ReadStore): RemnantReader {
  return new RemnantStore(store);
}

/** The head of one remnant, `undefined` when there is no such remnant, on behalf of whoever asked first. */
interface Look {
  readonly head: Promise<RemnantHead | undefined>;
  readonly signal: AbortSignal | undefined;
  /** Asked past all caches. */
  readonly isFresh: boolean;
}

interface Remnant {
  readonly number: number;
  readonly key: Key;
  readonly head: RemnantHead;
}

class RemnantStore implements RemnantReader {
  readonly location: string;
  readonly #store: ReadStore;
  /** Of packs that were found gone: what was seen of their remnants, by number. */
  readonly #gone = new Map<Key, Map<number, Look>>();

  constructor(store: ReadStore) {
    this.location = store.location;
    this.#store = store;
  }

  get(...call: Parameters<ReadStore['get']>): ReturnType<ReadStore['get']> {
    return this.#store.get(...call);
  }

  has(...call: Parameters<ReadStore['has']>): ReturnType<ReadStore['has']> {
    return this.#store.has(...call);
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  async rangesOf(key: Key): Promise<readonly ByteRange[] | undefined> {
    for (const { head } of this.#gone.get(key)?.values() ?? []) {
      const found = await head;
      if (found !== undefined) return found.ranges;
    }
    return undefined;
  }

  async *getRange(key: Key, range: ByteRange, options: CallOptions = {}): AsyncGenerator<Uint8Array> {
    if (!isPackKey(key)) return yield* this.#store.getRange(key, range, options);
    const end = range.offset + range.length;
    let at = range.offset;
    let missing: unknown;
    /** Numbers of remnants that have a head and no bytes. */
    const hollow = new Set<number>();
    // Wrong bytes may come from a remnant that is not what it was, or from a cache that has an older one.
    if (options.fresh === true) this.#gone.delete(key);
    for (let call = options; ; call = { ...options, fresh: true }) {
      if (!this.#gone.has(key)) {
        try {
          for await (const block of this.#store.getRange(key, { offset: at, length: end - at }, call)) {
            at += block.length;
            yield block;
          }
          return;
        } catch (error) {
          if (!mayBeGone(error)) throw error;
          missing = error;
        }
      }
      const rest = { offset: at, length: end - at };
      const { chosen, isAny } = await this.#choose(key, rest, call, hollow);
      if (chosen !== undefined) {
        try {
          for await (const block of this.#read(chosen, rest, call)) {
            at += block.length;
            yield block;
          }
          return;
        } catch (error) {
          // It may have made place for a smaller one.
          if (!mayBeGone(error)) throw error;
          if (call.fresh === true) {
            // Only a cache has its head, one that nobody can pass by.
            hollow.add(chosen.number);
            const none = Promise.resolve(undefined);
            this.#looksAt(key).set(chosen.number, { head: none, signal: undefined, isFresh: true });
            continue;
          }
        }
      }
      if (!isAny) this.#gone.delete(key);
      if (!isAny && missing !== undefined) throw missing;
      if (call.fresh === true) throw notLeft(this.location, key, rest);
      this.#gone.delete(key);
    }
  }

  /** The first remnant that has anything of the range; in doubt the one that has most of it. */
  async #choose(
    key: Key,
    range: ByteRange,
    call: CallOptions,
    hollow: ReadonlySet<number>,
  ): Promise<{ readonly chosen: Remnant | undefined; readonly isAny: boolean }> {
    let chosen: Remnant | undefined;
    let most = 0;
    let isAny = false;
    for (let number = 1; number <= MAX_REMNANTS; number += 1) {
      const head = await this.#look(key, number, call);
      if (head === undefined || hollow.has(number)) continue;
      isAny = true;
      if (range.offset + range.length > head.packSize) throw rangeOutside(key, range, head.packSize);
      const bytes = piecesOf(head, range).reduce((sum, { length }) => sum + length, 0);
      if (bytes <= most) continue;
      most = bytes;
      chosen = { number, key: remnantKey(key, number), head };
      if (call.fresh !== true) break;
    }
    return { chosen, isAny };
  }

  /** The head of a remnant; readers at the same time ask once. */
  async #look(key: Key, number: number, call: CallOptions): Promise<RemnantHead | undefined> {
    const looks = this.#looksAt(key);
    for (;;) {
      const seen = looks.get(number);
      const isFresh = call.fresh === true;
      const known = isFresh && seen?.isFresh !== true ? undefined : seen;
      const look = known ?? { head: this.#readHead(key, number, call), signal: call.signal, isFresh };
      looks.set(number, look);
      try {
        return await look.head;
      } catch (error) {
        if (looks.get(number) === look) looks.delete(number);
        // Whoever asked has been stopped; we have not.
        if (known?.signal?.aborted !== true || call.signal?.aborted === true) throw error;
      }
    }
  }

  #looksAt(key: Key): Map<number, Look> {
    const known = this.#gone.get(key);
    if (known !== undefined) return known;
    const [oldest] = this.#gone.keys();
    if (this.#gone.size >= MOST && oldest !== undefined) this.#gone.delete(oldest);
    const looks = new Map<number, Look>();
    this.#gone.set(key, looks);
    return looks;
  }

  async #readHead(key: Key, number: number, call: CallOptions): Promise<RemnantHead | undefined> {
    const remnant = remnantKey(key, number);
    try {
      const head = await this.#decodeHead(remnant, call);
      if (`packs/${toHex(head.pack)}` === key) return head;
      throw new SiltError('DIGEST_MISMATCH', `it is what is left of packs/${toHex(head.pack)}`);
    } catch (error) {
      if (mayBeGone(error)) return undefined;
      if (!isSiltError(error, 'DIGEST_MISMATCH') && !isSiltError(error, 'FORMAT_INVALID')) throw error;
      // A cache may have it wrong.
      if (call.fresh !== true) return await this.#readHead(key, number, { ...call, fresh: true });
      const message = `${this.location}: ${remnant} is damaged: ${error.message}`;
      throw new SiltError(error.code, message, { details: { key: remnant }, cause: error });
    }
  }

  async #decodeHead(remnant: Key, call: CallOptions): Promise<RemnantHead> {
    call.onRepeat?.();
    const blocks: Uint8Array[] = [];
    const range = { offset: 0, length: REMNANT_HEAD_BYTES };
    for await (const block of this.#store.getRange(remnant, range, call)) blocks.push(block);
    return decodeRemnantHead(concatBytes(blocks));
  }

  /** The bytes of the range, with zeros for what is not left: one request, whatever the gaps. */
  async *#read({ key, head }: Remnant, range: ByteRange, call: CallOptions): AsyncGenerator<Uint8Array> {
    call.onRepeat?.();
    const pieces = piecesOf(head, range);
    const [first, last] = [pieces[0], pieces.at(-1)];
    if (first === undefined || last === undefined) return yield* zeros(range.length);
    const stored = { offset: first.at, length: last.at + last.length - first.at };
    let at = range.offset;
    let next = 0;
    for await (const block of this.#store.getRange(key, stored, call)) {
      for (let used = 0; used < block.length; ) {
        const piece = pieces[next];
        if (piece === undefined) throw ended(key, 'RANGE_INVALID', 'more bytes than were asked for');
        if (at < piece.offset) yield* zeros(piece.offset - at);
        at = Math.max(at, piece.offset);
        const part = block.subarray(used, used + piece.offset + piece.length - at);
        yield part;
        used += part.length;
        at += part.length;
        if (at === piece.offset + piece.length) next += 1;
      }
    }
    if (next < pieces.length) throw ended(key, 'NETWORK', 'fewer bytes than were asked for');
    yield* zeros(range.offset + range.length - at);
  }
}

function* zeros(length: number): Generator<Uint8Array> {
  // A block is its reader's to keep, so each is another.
  for (let left = length; left > 0; left -= BLOCK) yield new Uint8Array(Math.min(left, BLOCK));
}

/**
 * Some place says that it does not have the object; also where another one cannot be asked, or where a server does
 * not tell what is missing from what is not permitted, as S3 does for who may not list.
 */
function mayBeGone(error: unknown): boolean {
  if (!isSiltError(error)) return false;
  const { code, details } = error;
  return (
    code === 'OBJECT_MISSING' ||
    details.isMissing === true ||
    (code === 'STORE_REFUSED' && details.status === 403)
  );
}

function notLeft(location: string, key: Key, { offset, length }: ByteRange): SiltError {
  return new SiltError(
    'OBJECT_MISSING',
    `${location}: ${key} was made smaller, and its bytes ${offset} to ${offset + length} are not left; run "silt verify" on the repository`,
    { details: { key, location, offset, length } },
  );
}

function ended(key: Key, code: 'RANGE_INVALID' | 'NETWORK', found: string): SiltError {
  const message = `${key}: expected a range of it, found ${found}`;
  return new SiltError(code, message, { details: { key }, transient: code === 'NETWORK' });
}
