/**
 * Lays frames one behind the other into packs of up to {@link PACK_BYTES}.
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
  #size = PACK_PREAMBLE_BYTES;
  /** Data that compresses very well has more bytes of chunk ids than of frames. */
  #trailer = 0;

  constructor(limit: number = PACK_BYTES) {
    this.#limit = limit;
  }

  get isEmpty(): boolean {
    return this.#frames.length === 0;
  }

  /** False when a frame of `stored` bytes and `chunks` chunks belongs into the next pack. */
  fits(stored: number, chunks: number): boolean {
    if (this.isEmpty) return true;
    const size = this.#size + stored + this.#trailer + trailerBytes(chunks) + PACK_FOOTER_BYTES;
    return size <= this.#limit && this.#frames.length < MAX_FRAMES_PER_PACK;
  }

  /** Adds a frame; returns its offset in the pack. */
  add(stored: Uint8Array, frame: Omit<PackFrame, 'offset' | 'stored'>): number {
    const offset = this.#size;
    this.#parts.push(stored);
    this.#frames.push({ ...frame, stored: stored.length });
    this.#size += stored.length;
    this.#trailer += trailerBytes(frame.chunkLengths.length);
    return offset;
  }

  /** The pack; the builder is spent. */
  finish(): BuiltPack {
    const trailer = encodePackTrailer(this.#frames);
    const bytes = concatBytes([
      encodePackPreamble(),
      ...this.#parts,
      trailer,
      encodePackFooter(trailer.length),
    ]);
    const digest = sha256(bytes);
    const entry = {
      digest,
      size: bytes.length,
      trailerLength: trailer.length,
      trailerDigest: sha256(trailer),
    };
    return { name: toHex(digest), bytes, entry };
  }
}

function trailerBytes(chunks: number): number {
  return TRAILER_FRAME_BYTES + chunks * TRAILER_CHUNK_BYTES;
}

/** Where the trailer of a pack begins. */
export function trailerOffset(entry: PackEntry): number {
  return entry.size - PACK_FOOTER_BYTES - entry.trailerLength;
}
