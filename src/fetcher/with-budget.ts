/**
 * A store that keeps count and keeps within a budget: a request that would exceed it is not made.
 *
 * @module
 */
import { isSiltError, SiltError } from '../core/errors.ts';
import { formatSize } from '../core/sizes.ts';
import type { CallOptions, ReadStore } from '../store/store.ts';

/** What a fetch may use; `undefined`: as much as it takes. */
export interface Budget {
  readonly maxBytes?: number | undefined;
  readonly maxRequests?: number | undefined;
}

/** What it has used. Bytes are those of bodies, whole or broken off. */
export interface Usage {
  requests: number;
  bytes: number;
  metadataBytes: number;
  indexBytes: number;
  deltaBytes: number;
  dataBytes: number;
}

/**
 * `store` within `budget`; `usage` always tells what has been used so far. Ranges under way count in full,
 * so that several at once cannot exceed together what none of them does alone.
 */
export function withBudget(store: ReadStore, budget: Budget): { store: ReadStore; usage: Usage } {
  const usage: Usage = {
    requests: 0,
    bytes: 0,
    metadataBytes: 0,
    indexBytes: 0,
    deltaBytes: 0,
    dataBytes: 0,
  };
  let underWay = 0;
  const ask = (key: string, length: number): void => {
    checkBudget(budget, usage.requests + 1, usage.bytes + underWay + length, `for ${key}`);
    usage.requests += 1;
  };
  /** Of what a store does elsewhere for one call, each request counts; the bytes are those of the call. */
  const counting = <T extends CallOptions>(key: string, options?: T): T & CallOptions => ({
    ...(options as T),
    onRepeat: () => ask(key, 0),
  });
  const count = (key: string, bytes: number): void => {
    usage.bytes += bytes;
    if (key.startsWith('indexes/')) usage.indexBytes += bytes;
    else if (key.startsWith('deltas/')) usage.deltaBytes += bytes;
    else if (key.startsWith('packs/')) usage.dataBytes += bytes;
    else usage.metadataBytes += bytes;
  };
  const counted: ReadStore = {
    location: store.location,
    async get(key, options) {
      // Its size is not known yet; that it is something is.
      ask(key, 1);
      const left = (budget.maxBytes ?? Infinity) - usage.bytes - underWay;
      const maxBytes = Math.min(options.maxBytes, left);
      try {
        const object = await store.get(key, counting(key, { ...options, maxBytes }));
        count(key, object?.bytes.length ?? 0);
        return object;
      } catch (error) {
        const tooLarge = maxBytes < options.maxBytes && isSiltError(error, 'FORMAT_INVALID');
        if (tooLarge && typeof error.details.size === 'number') {
          checkBudget(budget, usage.requests, usage.bytes + underWay + error.details.size, `for ${key}`);
        }
        throw error;
      }
    },
    async *getRange(key, range, options) {
      ask(key, range.length);
      let missing = range.length;
      underWay += missing;
      try {
        for await (const block of store.getRange(key, range, counting(key, options))) {
          count(key, block.length);
          missing -= block.length;
          underWay -= block.length;
          yield block;
        }
      } finally {
        underWay -= missing;
      }
    },
    async has(key, options) {
      ask(key, 0);
      return await store.has(key, counting(key, options));
    },
    close: () => store.close(),
  };
  return { store: counted, usage };
}

/** @throws SiltError OVER_BUDGET when `requests` or `bytes`, all in all, are too many */
export function checkBudget(budget: Budget, requests: number, bytes: number, what: string): void {
  const { maxBytes = Infinity, maxRequests = Infinity } = budget;
  if (bytes > maxBytes) {
    throw new SiltError(
      'OVER_BUDGET',
      `${bytes} bytes (${formatSize(bytes)}) would be fetched ${what}, the budget is ${maxBytes}; ` +
        'nothing more was downloaded; raise --max-bytes or give a seed nearer to the release',
      { details: { needed: bytes, allowed: maxBytes } },
    );
  }
  if (requests > maxRequests) {
    throw new SiltError(
      'OVER_BUDGET',
      `${requests} requests would be made ${what}, the budget is ${maxRequests}; ` +
        'nothing more was downloaded; raise --max-requests or give a seed nearer to the release',
      { details: { needed: requests, allowed: maxRequests } },
    );
  }
}
