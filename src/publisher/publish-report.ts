/**
 * What a publish tells while it runs and when it is done; the same object is printed by `--json` and fed
 * to the benchmarks.
 *
 * @module
 */
import type { Manifest } from '../format/manifest.ts';

export interface PublishProgress {
  /** Bytes of the images that are cut, packed and indexed. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
  readonly bytesUploaded: number;
}

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
  /** The same as frames, compressed. */
  readonly storedBytes: number;
  /** The table of known chunks was full, so some chunks may have been stored twice. */
  readonly knownChunksFull: boolean;
  readonly deltas: readonly never[];
  readonly seconds: number;
}
