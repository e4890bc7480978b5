/**
 * Every frame the publisher knows: those of the repository, and those this release adds. A frame has a
 * number from the moment it is opened; where it lies is known once it has been packed.
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';
import { type FrameRef, TAG_BYTES } from '../format/frame.ts';
import type { PackEntry } from '../format/index-head.ts';

/** Where a frame lies; `pack` is the number of its pack in the table. */
export type PlacedFrame = FrameRef;

const COLUMNS = 5;
const UNPLACED = 0;

export class FrameTable {
  /** pack + 1, offset, stored, plain, codec of each frame. */
  #columns = new Uint32Array(1024 * COLUMNS);
  #tags = new Uint8Array(1024 * TAG_BYTES);
  #count = 0;
  #foreign = { from: 0, until: 0 };
  readonly #packs: (PackEntry | undefined)[] = [];

  get frames(): number {
    return this.#count;
  }

  /** A number for a frame that is still to be packed. */
  open(): number {
    if ((this.#count + 1) * COLUMNS > this.#columns.length) {
      const columns = new Uint32Array(this.#columns.length * 2);
      columns.set(this.#columns);
      this.#columns = columns;
      const tags = new Uint8Array(this.#tags.length * 2);
      tags.set(this.#tags);
      this.#tags = tags;
    }
    return this.#count++;
  }

  /** Says that all frames from number `from` on, so far, belong to other products. */
  endForeign(from: number): void {
    this.#foreign = { from, until: this.#count };
  }

  /** True for a frame that only other products use. */
  isForeign(frame: number): boolean {
    return frame >= this.#foreign.from && frame < this.#foreign.until;
  }

  /** True for a frame of this product's earlier releases. */
  isEarlier(frame: number): boolean {
    return frame < this.#foreign.from;
  }

  /** A number for a pack; what it is called may follow with {@link FrameTable.namePack}. */
  openPack(entry?: PackEntry): number {
    return this.#packs.push(entry) - 1;
  }

  namePack(pack: number, entry: PackEntry): void {
    this.#packs[pack] = entry;
  }

  pack(pack: number): PackEntry {
    const entry = this.#packs[pack];
    if (entry === undefined) throw new SiltError('INTERNAL', `pack ${pack} has not been written yet`);
    return entry;
  }

  place(frame: number, where: PlacedFrame): void {
    this.#columns.set(
      [where.pack + 1, where.offset, where.stored, where.plain, where.codec],
      frame * COLUMNS,
    );
    this.#tags.set(where.tag, frame * TAG_BYTES);
  }

  isPlaced(frame: number): boolean {
    return this.#columns[frame * COLUMNS] !== UNPLACED;
  }

  frame(frame: number): PlacedFrame {
    if (!this.isPlaced(frame)) throw new SiltError('INTERNAL', `frame ${frame} has not been packed yet`);
    const [pack, offset, stored, plain, codec] = this.#columns.subarray(frame * COLUMNS) as unknown as [
      number,
      number,
      number,
      number,
      number,
    ];
    const tag = this.#tags.slice(frame * TAG_BYTES, (frame + 1) * TAG_BYTES);
    return { pack: pack - 1, offset, stored, plain, codec, tag };
  }
}
