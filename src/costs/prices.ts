/**
 * What storage and traffic are charged at, as the user says it. There are no prices of silt's own: they would be
 * those of another provider, and of last year. Pure.
 *
 * A GB is 10^9 bytes. A currency has no meaning here; all prices are in one.
 *
 * @module
 */

export interface Prices {
  /** For messages, such as `EUR`. */
  readonly currency: string | undefined;
  /** For 1 GB stored for a month. */
  readonly storage: number;
  /** For 1,000 requests that write: PUT, POST, and each part of an upload in parts. */
  readonly puts: number;
  /** For 10,000 requests that read from the store: GET, HEAD. */
  readonly gets: number;
  /** For 1 GB to devices, from the CDN or, without one, from the store. */
  readonly egress: number;
  /** For 10,000 requests of devices at the CDN. */
  readonly cdnRequests: number;
  /** For 1 GB from the store to the CDN. */
  readonly originEgress: number;
}

/** The devices that take a release. */
export interface Fleet {
  readonly devices: number;
  /** Share of the requests and bytes that the CDN answers by itself, from 0 to 1; 0 without a CDN. */
  readonly hitRate: number;
  /** How long the release is stored. */
  readonly months: number;
  /**
   * Shares by the version that a device has, {@link FIRST_INSTALL} for none; only their relation counts. Empty: all
   * have the release before.
   */
  readonly from: Readonly<Record<string, number>>;
}

/** In {@link Fleet.from}: devices with none of the releases. */
export const FIRST_INSTALL = 'nothing';

/** What is used, before it has a price. */
export interface Usage {
  readonly storedBytes: number;
  readonly months: number;
  readonly puts: number;
  /** Requests of devices, and bytes to them. */
  readonly requests: number;
  readonly bytes: number;
  readonly hitRate: number;
}

/** In the currency of the prices; `total` is the sum of the others. */
export interface Charges {
  readonly storage: number;
  readonly puts: number;
  readonly gets: number;
  readonly egress: number;
  readonly cdnRequests: number;
  readonly originEgress: number;
  readonly total: number;
}

const GB = 1e9;

/** What `usage` costs. */
export function chargesFor(usage: Usage, prices: Prices): Charges {
  const missed = 1 - usage.hitRate;
  const parts = {
    storage: (usage.storedBytes / GB) * usage.months * prices.storage,
    puts: (usage.puts / 1000) * prices.puts,
    gets: ((usage.requests * missed) / 10_000) * prices.gets,
    egress: (usage.bytes / GB) * prices.egress,
    cdnRequests: (usage.requests / 10_000) * prices.cdnRequests,
    originEgress: ((usage.bytes * missed) / GB) * prices.originEgress,
  };
  return { ...parts, total: Object.values(parts).reduce((sum, part) => sum + part, 0) };
}
