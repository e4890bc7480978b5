/**
 * What a prune did or, as a dry run, would do; and what it counts with.
 *
 * @module
 */
import { PRUNED_KINDS, type PrunedKind } from './object-keys.ts';
import type { RepackReport } from './repack.ts';

export interface ObjectCount {
  readonly objects: number;
  readonly bytes: number;
}

export interface ObjectCounts extends ObjectCount {
  readonly kinds: Readonly<Record<PrunedKind, ObjectCount>>;
}

export interface RemovedRelease {
  readonly product: string;
  readonly version: string;
  readonly counter: number;
}

export interface PruneReport {
  /** Nothing was changed: all of this is what would be. */
  readonly dryRun: boolean;
  /** Releases that stay, of every product. */
  readonly releases: number;
  /** Releases taken out of the metadata; or, where others have to sign, that a stage takes out. */
  readonly removed: readonly RemovedRelease[];
  /** What is referred to. */
  readonly live: ObjectCounts;
  /** What nothing refers to since this run. */
  readonly marked: ObjectCounts;
  /** What nothing has referred to for a while, and may not go yet. */
  readonly waiting: ObjectCounts;
  /** What is gone for good. */
  readonly deleted: ObjectCounts;
  /** Packs that were made smaller; their old objects count among those that nothing refers to. */
  readonly repacked: RepackReport;
  /** Objects that silt does not know, or of which cannot be told whether they are needed. */
  readonly undecided: ObjectCount;
  /** Sealed releases that could not be opened, so that no sealed pack was deleted. */
  readonly closedReleases: number;
  /** Publishers that hold leases, so that nothing was deleted. */
  readonly waitingFor: readonly string[];
  readonly seconds: number;
}

export class ObjectTally {
  readonly #kinds = new Map<PrunedKind, { objects: number; bytes: number }>(
    PRUNED_KINDS.map((kind) => [kind, { objects: 0, bytes: 0 }]),
  );

  add(kind: PrunedKind, bytes: number, objects = 1): void {
    const count = this.#kinds.get(kind) as { objects: number; bytes: number };
    count.objects += objects;
    count.bytes += bytes;
  }

  counts(): ObjectCounts {
    const all = [...this.#kinds.values()];
    return {
      objects: all.reduce((sum, { objects }) => sum + objects, 0),
      bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
      kinds: Object.fromEntries(this.#kinds) as ObjectCounts['kinds'],
    };
  }
}
