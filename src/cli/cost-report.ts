/**
 * `silt publish --report` and `silt inspect --costs`: their options, and what they ask of the repository.
 *
 * @module
 */
import type { Command } from 'commander';
import { SiltError } from '../core/errors.ts';
import type { CostOptions, MetadataCosts } from '../costs/release-costs.ts';
import type { Manifest } from '../format/manifest.ts';
import { replaceFile } from '../io/atomic.ts';
import type { ReadStore } from '../store/store.ts';
import { type Counted, withCounting } from '../store/with-counting.ts';
import type { Releases, TrustOptions } from '../trust/releases.ts';
import type { DescribedCosts } from './describe-costs.ts';
import type { PricedFleet } from './read-prices.ts';

/** Adds `--prices`, which goes with the option `flag`. */
export function withPricesOption(command: Command, flag: string): Command {
  return command.option('--prices <file>', `what is charged, and which devices there are, for ${flag}`);
}

/**
 * The file of prices, read before anything else is done.
 *
 * @throws SiltError USAGE for one without what it goes with, or with mistakes; IO_FAILED
 */
export async function pricesFor(
  prices: string | undefined,
  isWanted: boolean,
  flag: string,
): Promise<PricedFleet | undefined> {
  if (prices === undefined) return undefined;
  if (!isWanted) throw new SiltError('USAGE', `expected ${flag} with --prices`);
  const { readPrices } = await import('./read-prices.ts');
  return await readPrices(prices);
}

export interface CostRequest<S extends ReadStore> extends Pick<CostOptions, 'contentKey' | 'signal'> {
  readonly store: S;
  readonly release: Manifest;
  /** All releases of the repository. */
  readonly releases: Iterable<Manifest> | AsyncIterable<Manifest>;
  /** Trust that remembers nothing; `undefined` for a release that is not visible yet. */
  readonly openReleases: ((store: S & Counted) => Releases) | undefined;
  readonly priced: PricedFleet | undefined;
}

/** What the release costs. @throws SiltError what `releaseCosts` throws, and trust */
export async function costsOf<S extends ReadStore>(request: CostRequest<S>): Promise<DescribedCosts> {
  const { store, release, releases, openReleases, priced, contentKey, signal } = request;
  const { fleetCosts, releaseCosts } = await import('../costs/release-costs.ts');
  const costs = await releaseCosts(store, release, releases, {
    contentKey,
    signal,
    bases: Object.keys(priced?.fleet.from ?? {}),
    ...(openReleases && { metadata: await metadataCosts(store, release, openReleases, { signal }) }),
  });
  const fleet = priced && fleetCosts(costs, priced.prices, priced.fleet);
  return { ...costs, ...(fleet && { fleet }) };
}

/** What a device that remembers nothing asks before it knows the release. */
async function metadataCosts<S extends ReadStore>(
  store: S,
  { product, version }: Manifest,
  openReleases: (store: S & Counted) => Releases,
  options: TrustOptions,
): Promise<MetadataCosts> {
  const counted = withCounting(store);
  await openReleases(counted).open(product, { version }, options);
  const { requests, bytesRead } = counted.counts();
  return { requests, bytes: bytesRead };
}

/** Writes them as JSON to the file at `path`. @throws SiltError IO_FAILED, NO_SPACE */
export async function writeCosts(path: string, costs: DescribedCosts): Promise<void> {
  await replaceFile(path, Buffer.from(`${JSON.stringify(costs, undefined, 2)}\n`));
}
