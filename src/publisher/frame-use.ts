/**
 * How much of each frame of earlier releases an image uses, and which frames are not worth it, so that chunks of them
 * are stored again. docs/decisions/0021-chunks-stored-again.md has the figures.
 *
 * A frame is fetched whole for a single chunk of it. Two kinds of devices pay for that, by different chunks:
 * - One with the release before has what that release holds. It fetches an old frame for chunks that come back: that
 *   an older release had, and the one before had not. Where they are less than {@link BACK_PART} of the frame they
 *   are stored again, beside new chunks, which such a device fetches anyway.
 * - One with nothing fetches every frame. Where less than {@link HELD_PART} of one is used at all, what is used of it
 *   is stored again too; but in frames apart from new chunks, for the device with the release before needs none of it.
 *
 * @module
 */
import { DIGEST_BYTES } from '../core/digest.ts';
import { MAX_FRAME_PLAIN } from '../format/limits.ts';
import type { ScannedChunks } from '../pool/tasks.ts';
import type { ChunkPlace, ChunkTable } from './chunk-table.ts';
import type { FrameGroup } from './frame-packer.ts';
import type { FrameTable } from './frame-table.ts';

/** Part of a frame that has to come back for the frame to be used. */
export const BACK_PART: number = 1 / 2;

/** Part of a frame that has to be used for the frame to stay in use. */
export const HELD_PART: number = 1 / 4;

/** Plain bytes of different chunks. */
interface Use {
  /** Of chunks that the release before has. */
  held: number;
  /** Of chunks that come back. */
  back: number;
}

export class FrameUse {
  readonly #chunks: ChunkTable;
  readonly #frames: FrameTable;
  #uses = new Map<number, Use>();

  constructor(chunks: ChunkTable, frames: FrameTable) {
    this.#chunks = chunks;
    this.#frames = frames;
  }

  /** Weighs the frames that these chunks of an image lie in; what was weighed before is forgotten. */
  weigh(stretch: readonly ScannedChunks[]): void {
    this.#uses = new Map();
    const seen = new Set<number>();
    for (const { lengths, ids, zeros } of stretch) {
      lengths.forEach((length, i) => {
        const place = zeros[i] === 1 ? undefined : this.#chunks.find(ids, i * DIGEST_BYTES);
        if (place === undefined || !this.#frames.isEarlier(place.frame)) return;
        const key = place.frame * MAX_FRAME_PLAIN + place.offset;
        if (seen.has(key)) return;
        seen.add(key);
        this.#add(place, length);
      });
    }
  }

  /** Frames of which group a chunk that lies at `place` is stored in again; `undefined`: it is used where it is. */
  storedAgain({ frame, held }: ChunkPlace): FrameGroup | undefined {
    const use = this.#uses.get(frame);
    if (use === undefined) return undefined;
    const { plain } = this.#frames.frame(frame);
    const isBackWorth = use.back >= plain * BACK_PART;
    if (!held) return isBackWorth ? undefined : 'new';
    return use.held + (isBackWorth ? use.back : 0) < plain * HELD_PART ? 'held' : undefined;
  }

  #add(place: ChunkPlace, length: number): void {
    let use = this.#uses.get(place.frame);
    if (use === undefined) {
      use = { held: 0, back: 0 };
      this.#uses.set(place.frame, use);
    }
    if (place.held) use.held += length;
    else use.back += length;
  }
}
