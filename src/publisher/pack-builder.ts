/**
 * Lays frames one behind the other into packs of up to {@link PACK_BYTES}.
 *
 * @module
 */
import { concatBytes } from '../core/bytes.ts';
import { sha256, toHex } from '../core/digest.ts';
import { MiB } from '../core/sizes.ts';
import type { PackEntry } from '../format/index-head.ts';
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

  constructor(limit: number = PACK_BYTES) {
    this.#limit = limit;
  }

  get isEmpty(): boolean {
    return this.#frames.length === 0;
  }

  /** False when a frame of `stored` bytes belongs into the next pack. */
  fits(stored: number): boolean {
    return this.isEmpty || this.#size + stored <= this.#limit;
  }

  /** Adds a frame; returns its offset in the pack. */
  add(stored: Uint8Array, frame: Omit<PackFrame, 'offset' | 'stored'>): number {
    const offset = this.#size;
    this.#parts.push(stored);
    this.#frames.push({ ...frame, stored: stored.length });
    this.#size += stored.length;
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

/** Where the trailer of a pack begins. */
export function trailerOffset(entry: PackEntry): number {
  return entry.size - PACK_FOOTER_BYTES - entry.trailerLength;
}
