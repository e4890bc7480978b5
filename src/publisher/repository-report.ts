/**
 * What a check of a repository is asked for, and what it tells.
 *
 * @module
 */
import type { OpenContentKey } from '../trust/seal/content-key.ts';
import type { SampleSize } from './choose-sample.ts';
import type { DamagedObject } from './damage.ts';

/** Objects checked at a time; at most 64 MiB each, 16 MiB as silt writes them. */
export const PARALLEL_CHECKS = 4;

/** A damaged object, and the releases that cannot be had without it, as `product version`. */
export interface ReportedDamage extends DamagedObject {
  readonly releases: readonly string[];
}

export interface RepositoryReport {
  readonly releases: number;
  readonly indexes: number;
  readonly packs: number;
  readonly deltas: number;
  readonly chunks: number;
  /** Sealed objects that could not be opened: only their digests were compared. */
  readonly closed: number;
  /** Bytes of indexes, packs and deltas that were read. */
  readonly bytesRead: number;
  /**
   * Indexes, packs and deltas of no release, as an interrupted publish leaves them: harmless, they will be used.
   * Sealed packs count only where every release could be opened, since no other index tells whose they are.
   */
  readonly unreferenced: number;
  /** Present when not everything was read: how many objects were, and the seed that takes the same ones again. */
  readonly sample?: { readonly objects: number; readonly seed: string };
  readonly damaged: readonly ReportedDamage[];
  readonly seconds: number;
}

/** Which releases there are. */
export interface ReleaseName {
  readonly product: string;
  readonly version: string;
}

export interface VerifyRepositoryOptions {
  /** Opens sealed releases; what it does not open is compared with its digests only. */
  readonly contentKey?: OpenContentKey | undefined;
  /** Read only so many objects. Default: all. */
  readonly sample?: SampleSize | undefined;
  /** Which ones. Default: chance. */
  readonly sampleSeed?: string | undefined;
  /** Objects checked at a time. Default {@link PARALLEL_CHECKS}. */
  readonly parallel?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((objectsDone: number, objectsTotal: number) => void) | undefined;
}
