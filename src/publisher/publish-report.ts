/**
 * What a publish tells while it runs and when it is done; the same object is printed by `--json` and fed
 * to the benchmarks.
 *
 * @module
 */
import type { Manifest } from '../format/manifest.ts';

export interface PublishProgress {
  /**
   * `images`: they are cut, packed and indexed. Then, for each delta, `base`: the image it starts from is
   * rebuilt, and the phases of making it.
   */
  readonly phase: string;
  /** Which delta it is, for people: the image, and the release it starts from. */
  readonly about?: string;
  /** Bytes of the images that are done with in this phase. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
  readonly bytesUploaded: number;
}

/** A delta that was thought of: from an image of earlier releases to one of this. */
interface DeltaPair {
  /** Name of the image. */
  readonly image: string;
  /** The releases that have this image under that name, the newest first. */
  readonly base: { readonly versions: readonly string[]; readonly sha256: string; readonly size: number };
}

export interface KeptDelta extends DeltaPair {
  readonly kept: true;
  /** The object `deltas/<sha256>`. */
  readonly sha256: string;
  readonly size: number;
  readonly head: { readonly sha256: string; readonly size: number };
  /** How many windows of each kind; those of kind `none` are fetched as chunks. */
  readonly windows: Readonly<Record<'none' | 'zero' | 'copy' | 'coded', number>>;
  /** Bytes of the delta by stream. */
  readonly bytes: Readonly<Record<'control' | 'difference' | 'literal' | 'head', number>>;
  /** What a device with the base fetches with the delta, chunks of other windows included. */
  readonly fetchBytes: number;
  /** What it fetches without. */
  readonly chunkBytes: number;
  readonly seconds: number;
}

export interface DroppedDelta extends DeltaPair {
  readonly kept: false;
  /** `same-image`: there is nothing to be done; `no-saving`: chunks cost as little. */
  readonly reason: 'same-image' | 'no-saving';
  readonly fetchBytes?: number;
  readonly chunkBytes?: number;
}

export type DeltaReport = KeptDelta | DroppedDelta;

export interface PublishReport {
  readonly manifest: Manifest;
  /** This very release was there already, or another publisher added it meanwhile; it stays as it is. */
  readonly unchanged: boolean;
  readonly bytesRead: number;
  /** Bytes and objects sent to the store, metadata left out. */
  readonly bytesUploaded: number;
  readonly objectsUploaded: number;
  readonly chunks: number;
  /** Chunks the repository did not hold, and their plain bytes. */
  readonly newChunks: number;
  readonly newBytes: number;
  /** Of `newBytes`, chunks that the repository held in frames which are not worth fetching for them. */
  readonly againBytes: number;
  /** The same as frames, compressed. */
  readonly storedBytes: number;
  /** The table of known chunks was full, so some chunks may have been stored twice. */
  readonly knownChunksFull: boolean;
  /** Every delta that was asked for, kept or not; none when the release is unchanged. */
  readonly deltas: readonly DeltaReport[];
  /**
   * Where they were made, when they were offered to other machines: by this one, by others, and how many results of
   * others were refused, or failed there, so that this machine made them. What others store is not in the totals above.
   */
  readonly jobs?:
    | {
        readonly here: number;
        readonly elsewhere: number;
        readonly refused: number;
        /** What went wrong with the queue or with workers, in sentences. */
        readonly notes: readonly string[];
      }
    | undefined;
  readonly deltasKept: number;
  readonly deltasDropped: number;
  readonly seconds: number;
}
