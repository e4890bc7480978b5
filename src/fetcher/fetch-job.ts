/**
 * What one fetch is asked to do, and what all of its steps share.
 *
 * @module
 */
import type { RetryOptions } from '../core/retry.ts';
import type { ReadStore } from '../store/store.ts';
import type { ReleaseSelector, TrustedRelease } from '../trust/releases.ts';
import type { OpenContentKey } from '../trust/seal/content-key.ts';
import type { FetchProgress } from './fetch-report.ts';
import type { OpenedImage } from './open-image.ts';
import type { RangeCosts } from './ranges.ts';
import type { SeedPath } from './seed-paths.ts';
import type { Budget, Usage } from './with-budget.ts';

export interface FetchOptions {
  readonly product: string;
  readonly selector: ReleaseSelector;
  /** May be left out when the release has one image. */
  readonly image?: string | undefined;
  /** Throws when this device must not have the release; asked before anything else is read of it. */
  readonly check?: ((release: TrustedRelease) => void | Promise<void>) | undefined;
  /** Opens sealed releases: `recipientKeys`, `masterKeys`. */
  readonly contentKey?: OpenContentKey | undefined;
  /** A file, which is replaced when all is done, or a block device, which is written in place. */
  readonly output: string;
  /** Files and block devices that may hold some of the image; what lies at the output is one by itself. */
  readonly seeds?: readonly string[] | undefined;
  /** Use deltas where one fits a seed. Default: yes. */
  readonly delta?: boolean | undefined;
  /** Write into an existing file as into a block device. */
  readonly inPlace?: boolean | undefined;
  readonly budget?: Budget | undefined;
  /** Plan and count, but write nothing. */
  readonly dryRun?: boolean | undefined;
  /** Where seed indexes are kept for the next update. Default: nowhere. */
  readonly stateDirectory?: string | undefined;
  readonly costs?: RangeCosts | undefined;
  /** Requests at once. Default 4. */
  readonly parallel?: number | undefined;
  /**
   * Stored bytes that are fetched ahead of their windows: in flight and in memory. Default 8 MiB. Less saves
   * memory, and bytes that are fetched again after a kill; more keeps a fast and distant line busy.
   */
  readonly memoryBytes?: number | undefined;
  readonly retry?: RetryOptions | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: FetchProgress) => void) | undefined;
}

export interface Job {
  readonly options: FetchOptions;
  readonly opened: OpenedImage;
  readonly seedPaths: readonly SeedPath[];
  readonly store: ReadStore;
  readonly usage: Usage;
  readonly budget: Budget;
  readonly retry: RetryOptions;
  readonly costs: RangeCosts;
  /** Closes what the steps open. */
  readonly stack: AsyncDisposableStack;
}

/** Tells how far a phase has come. */
export function tell(
  job: Job,
  phase: FetchProgress['phase'],
  bytesDone: number,
  bytesTotal: number,
  bytesToFetch?: number,
): void {
  const bytesFetched = job.usage.bytes;
  job.options.onProgress?.({ phase, bytesDone, bytesTotal, bytesFetched, bytesToFetch });
}
