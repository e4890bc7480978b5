/**
 * Which chunks there are and where: open addressing over the first 16 bytes of each ChunkId, 24 bytes a
 * slot. It is cut into 64 shards that grow one by one, so growing never needs twice the memory.
 *
 * Publisher memory is bounded: past {@link MAX_CHUNKS} the table takes no more, and chunks it does not know
 * are stored again. The release is as correct as ever, only larger.
 *
 * @module
 */

/** 30 GiB of different data in chunks of 5 KiB: 192 MiB of table, 3/4 of its slots in use. */
export const MAX_CHUNKS: number = 6 * 2 ** 20;

const SHARDS = 64;
const FIRST_SLOTS = 256;
/** Words of a slot: four of the id, frame + 1 (0: the slot is free), offset in the frame and {@link HELD}. */
const WORDS = 6;
/** Above any offset in a frame. */
const HELD = 2 ** 31;

export interface ChunkPlace {
  readonly frame: number;
  readonly offset: number;
  /** Set for a chunk that the release before takes from there. */
  readonly held?: true;
}

export class ChunkTable {
  readonly #shards: Uint32Array[] = [];
  readonly #counts = new Uint32Array(SHARDS);
  readonly #capacity: number;
  #count = 0;

  /** @param capacity chunks at most; a test makes it small */
  constructor(capacity: number = MAX_CHUNKS) {
    this.#capacity = capacity;
    for (let i = 0; i < SHARDS; i++) this.#shards.push(new Uint32Array(FIRST_SLOTS * WORDS));
  }

  get size(): number {
    return this.#count;
  }

  /** True once chunks are turned away. */
  get isFull(): boolean {
    return this.#count >= this.#capacity;
  }

  /** Where the chunk whose id stands at `at` in `ids` lies, if known. */
  find(ids: Uint8Array, at: number): ChunkPlace | undefined {
    const shard = this.#shards[(ids[at] as number) % SHARDS] as Uint32Array;
    const slot = this.#slot(shard, ids, at);
    const frame = shard[slot + 4] as number;
    if (frame === 0) return undefined;
    const offset = shard[slot + 5] as number;
    return offset < HELD
      ? { frame: frame - 1, offset }
      : { frame: frame - 1, offset: offset - HELD, held: true };
  }

  /** Remembers a chunk, unless it is known already or the table is full. */
  add(ids: Uint8Array, at: number, place: ChunkPlace): void {
    if (this.isFull) return;
    const which = (ids[at] as number) % SHARDS;
    let shard = this.#shards[which] as Uint32Array;
    // At 4/5, so that with MAX_CHUNKS chunks hardly a shard is past it: ids fall on the shards evenly.
    if (((this.#counts[which] as number) + 1) * WORDS * 5 > shard.length * 4) {
      shard = this.#grow(shard);
      this.#shards[which] = shard;
    }
    const slot = this.#slot(shard, ids, at);
    if (shard[slot + 4] !== 0) return;
    for (let word = 0; word < 4; word++) shard[slot + word] = wordAt(ids, at + word * 4);
    shard[slot + 4] = place.frame + 1;
    shard[slot + 5] = lastWord(place);
    this.#counts[which] = (this.#counts[which] as number) + 1;
    this.#count += 1;
  }

  /** Lets a known chunk lie somewhere else. */
  move(ids: Uint8Array, at: number, place: ChunkPlace): void {
    const shard = this.#shards[(ids[at] as number) % SHARDS] as Uint32Array;
    const slot = this.#slot(shard, ids, at);
    if (shard[slot + 4] === 0) return;
    shard[slot + 4] = place.frame + 1;
    shard[slot + 5] = lastWord(place);
  }

  /** First word of the chunk's slot, or of the free slot where it would go. */
  #slot(shard: Uint32Array, ids: Uint8Array, at: number): number {
    const slots = shard.length / WORDS;
    const w0 = wordAt(ids, at);
    const w1 = wordAt(ids, at + 4);
    const w2 = wordAt(ids, at + 8);
    const w3 = wordAt(ids, at + 12);
    for (let i = w1 & (slots - 1); ; i = (i + 1) & (slots - 1)) {
      const slot = i * WORDS;
      if (shard[slot + 4] === 0) return slot;
      if (shard[slot] === w0 && shard[slot + 1] === w1 && shard[slot + 2] === w2 && shard[slot + 3] === w3) {
        return slot;
      }
    }
  }

  #grow(shard: Uint32Array): Uint32Array {
    const larger = new Uint32Array(shard.length * 2);
    const slots = larger.length / WORDS;
    for (let from = 0; from < shard.length; from += WORDS) {
      if (shard[from + 4] === 0) continue;
      let i = (shard[from + 1] as number) & (slots - 1);
      while (larger[i * WORDS + 4] !== 0) i = (i + 1) & (slots - 1);
      larger.set(shard.subarray(from, from + WORDS), i * WORDS);
    }
    return larger;
  }
}

function lastWord({ offset, held }: ChunkPlace): number {
  return held ? offset + HELD : offset;
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  );
}
