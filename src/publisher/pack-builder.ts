/**
 * Lays frames one behind the other into packs of up to {@link PACK_BYTES}, and seals them.
 *
 * @module
 */
import { concatBytes } from '../core/bytes.ts';
import { DIGEST_BYTES, sha256, toHex } from '../core/digest.ts';
import { MiB } from '../core/sizes.ts';
import type { PackEntry } from '../format/index-head.ts';
import { MAX_FRAMES_PER_PACK } from '../format/limits.ts';
import {
  encodePackFooter,
  encodePackPreamble,
  encodePackTrailer,
  PACK_FOOTER_BYTES,
  PACK_PREAMBLE_BYTES,
  type PackFrame,
} from '../format/pack.ts';
import { encodeSealedPackPreamble } from '../format/sealed-front.ts';
import type { ContentKey } from '../trust/seal/content-key.ts';
import { sealOverhead } from './seal-object.ts';

/** A pack is closed before it grows past this. docs/decisions/0004-frames.md. */
export const PACK_BYTES: number = 16 * MiB;

/** What a frame and a chunk take in the trailer, at most; docs/format/pack.md §1. */
const TRAILER_FRAME_BYTES = 32;
const TRAILER_CHUNK_BYTES: number = DIGEST_BYTES + 4;

/** A finished pack, ready to be stored under its name. */
export interface BuiltPack {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly entry: PackEntry;
}

export class PackBuilder {
  readonly #parts: Uint8Array[] = [];
  readonly #frames: Omit<PackFrame, 'offset'>[] = [];
  readonly #limit: number;
  readonly #key: ContentKey | undefined;
  #size = PACK_PREAMBLE_BYTES;
  /** Data that compresses very well has more bytes of chunk ids than of frames. */
  #trailer = 0;

  /** @param key of a sealed release */
  constructor(limit: number = PACK_BYTES, key?: ContentKey) {
    this.#limit = limit;
    this.#key = key;
  }

  get isEmpty(): boolean {
    return this.#frames.length === 0;
  }

  /** Bytes by which a frame is longer in the pack. */
  get overhead(): number {
    return sealOverhead(this.#key);
  }

  /** False when a frame of `stored` bytes and `chunks` chunks belongs into the next pack. */
  fits(stored: number, chunks: number): boolean {
    if (this.isEmpty) return true;
    const trailer = this.#trailer + trailerBytes(chunks) + this.overhead;
    const size = this.#size + stored + this.overhead + trailer + PACK_FOOTER_BYTES;
    return size <= this.#limit && this.#frames.length < MAX_FRAMES_PER_PACK;
  }

  /** Adds a frame; returns its offset in the pack. */
  add(stored: Uint8Array, frame: Omit<PackFrame, 'offset' | 'stored'>): number {
    const offset = this.#size;
    this.#parts.push(stored);
    const length = stored.length + this.overhead;
    this.#frames.push({ ...frame, stored: length });
    this.#size += length;
    this.#trailer += trailerBytes(frame.chunkLengths.length);
    return offset;
  }

  /** The pack; the builder is spent. */
  finish(): BuiltPack {
    const trailer = encodePackTrailer(this.#frames);
    const trailerDigest = sha256(trailer);
    const stored = this.#seal(trailer, trailerDigest);
    const preamble = this.#key === undefined ? encodePackPreamble() : encodeSealedPackPreamble();
    const bytes = concatBytes([preamble, ...this.#parts, stored, encodePackFooter(stored.length)]);
    const digest = sha256(bytes);
    const entry = { digest, size: bytes.length, trailerLength: stored.length, trailerDigest };
    return { name: toHex(digest), bytes, entry };
  }

  /** Seals the frames where they stand; returns the trailer as it is stored. */
  #seal(trailer: Uint8Array, trailerDigest: Uint8Array): Uint8Array {
    const seal = this.#key?.objectSeal('pack', trailerDigest);
    if (seal === undefined) return trailer;
    let offset = PACK_PREAMBLE_BYTES;
    for (const [i, part] of this.#parts.entries()) {
      const sealed = seal.seal(offset, part);
      this.#parts[i] = sealed;
      offset += sealed.length;
    }
    return seal.seal(offset, trailer);
  }
}

function trailerBytes(chunks: number): number {
  return TRAILER_FRAME_BYTES + chunks * TRAILER_CHUNK_BYTES;
}

/** Where the trailer of a pack begins. */
export function trailerOffset(entry: PackEntry): number {
  return entry.size - PACK_FOOTER_BYTES - entry.trailerLength;
}
