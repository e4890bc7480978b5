/**
 * What a fetch tells while it runs and when it is done; the same object is printed by `--json` and fed to
 * the benchmarks.
 *
 * @module
 */

export type FetchPhase = 'seeds' | 'index' | 'rebuild' | 'verify';

export interface FetchProgress {
  readonly phase: FetchPhase;
  /** Bytes of the seeds, of level 2 or of the image that this phase is done with. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
  /** Bytes that came over the network so far, and how many are expected in all once that is known. */
  readonly bytesFetched: number;
  readonly bytesToFetch: number | undefined;
}

export interface FetchReport {
  readonly product: string;
  readonly version: string;
  readonly counter: number;
  readonly image: string;
  readonly imageSize: number;
  /** Nothing was written: this was the plan, and the byte and request counts are what it would take. */
  readonly dryRun: boolean;
  /** The target already held the image. */
  readonly upToDate: boolean;
  /** Over the network: all, and by kind. A dry run counts what it would take. */
  readonly bytesFetched: number;
  readonly requests: number;
  readonly metadataBytes: number;
  readonly indexBytes: number;
  /** Of the delta: its head and payloads. */
  readonly deltaBytes: number;
  /** Of packs. */
  readonly dataBytes: number;
  /** Bytes of the image by where they came from; with what was fetched they make up the whole. */
  readonly bytesFromSeeds: number;
  /** Decoded from payloads; what a delta copies from its Base counts as from seeds. */
  readonly bytesFromDelta: number;
  /** Repeats inside the image, copied from what had been written. */
  readonly bytesFromTarget: number;
  readonly bytesZero: number;
  /** Right in the target already, as after an interruption; not written again. */
  readonly bytesKept: number;
  readonly bytesFromPacks: number;
  readonly bytesWritten: number;
  readonly windows: {
    readonly total: number;
    readonly kept: number;
    readonly zero: number;
    /** Copied whole from a seed. */
    readonly copied: number;
    /** Decoded from payloads of the delta. */
    readonly delta: number;
    /** Put together from chunks. */
    readonly rebuilt: number;
    /** Where a seed was not what its index or a delta says, so that chunks were fetched instead. */
    readonly repaired: number;
  };
  /** Why a delta that would have fitted was not used, or not to the end; in whole sentences. */
  readonly deltaProblem: string | undefined;
  readonly seconds: number;
}
