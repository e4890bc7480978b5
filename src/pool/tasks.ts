/**
 * What the worker threads do, as data: each task reads its own ranges of an image, so that no image bytes
 * cross from thread to thread.
 *
 * @module
 */
import type { ChunkerSpec } from '../chunker/chunker.ts';
import type { ErrorCode, ErrorDetails } from '../core/errors.ts';
import type { Matches } from '../delta/matches.ts';
import type { PayloadBytes } from '../delta/payload-bytes.ts';
import type { Entropy } from '../delta/window-encoder.ts';
import type { Compression } from '../format/compression.ts';

/** Cuts [from, until) of an image from a cut at `from` on, and names the chunks. */
export interface ScanTask {
  readonly path: string;
  readonly size: number;
  readonly from: number;
  readonly until: number;
  readonly chunker: ChunkerSpec;
}

/** Chunks one after another, from `from` on. */
export interface ScannedChunks {
  readonly from: number;
  readonly lengths: Uint32Array;
  /** 32 bytes a chunk: its ChunkId. All zero for a chunk of zeros. */
  readonly ids: Uint8Array;
  /** 1 for a chunk of zeros. */
  readonly zeros: Uint8Array;
}

/** Gathers chunks from an image, checks that they still are what they were, and makes a frame of them. */
export interface FrameTask {
  readonly path: string;
  readonly offsets: Float64Array;
  readonly lengths: Uint32Array;
  readonly ids: Uint8Array;
  readonly compression: Compression;
}

export interface BuiltFrame {
  readonly stored: Uint8Array;
  readonly plain: number;
  readonly codec: number;
  readonly tag: Uint8Array;
}

/** SHA-256 of stretches of an image. */
export interface DigestTask {
  readonly path: string;
  readonly offsets: Float64Array;
  readonly lengths: Float64Array;
}

/**
 * Finds stretches of the target that resemble one segment of the Base: `delta/` has the algorithm.
 */
export interface MatchTask {
  readonly basePath: string;
  readonly targetPath: string;
  /** The segment: start and end of each piece of the Base, ascending. */
  readonly pieces: Float64Array;
  /** What to look for: start and end of each stretch of the target, ascending. */
  readonly gaps: Float64Array;
  /** For each gap, the diagonals of its neighbours, left and right; NaN where there is none. */
  readonly diagonals: Float64Array;
}

/** Encodes one window of the target against the Base. */
export interface EncodeTask {
  readonly basePath: string;
  readonly targetPath: string;
  readonly offset: number;
  readonly length: number;
  /** Those that touch the window: with the Base, and with earlier windows. */
  readonly matches: Matches;
  readonly repeats: Matches;
  readonly entropy: Entropy;
}

export interface EncodedWindow {
  /** All bytes are those of the Base from here on, or all are zero; then there is no payload. */
  readonly copyFrom: number | undefined;
  readonly zero: boolean;
  readonly payload: Uint8Array;
  /** SHA-256 of the window. */
  readonly digest: Uint8Array;
  readonly bytes: PayloadBytes;
}

/** Finds what the target repeats of itself in `holes`: `delta/find-repeats.ts`. */
export interface RepeatTask {
  readonly targetPath: string;
  /** Start and end of each, ascending. */
  readonly holes: Float64Array;
  /** Of the windows, in order. */
  readonly lengths: Float64Array;
}

/** What a worker sends back. */
export type Answer<T> =
  | { readonly value: T }
  | {
      readonly failed: { readonly code: ErrorCode; readonly message: string; readonly details: ErrorDetails };
    };
