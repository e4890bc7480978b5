/**
 * Which windows of a delta do not pay: a device fetches their chunks for less.
 *
 * Frames are shared, so windows cannot be judged one by one: leaving a window out of the delta makes its frames
 * be fetched, and then other windows need them for nothing. So this is a question of the best closure: leaving
 * a window out gains its payload and needs frames.
 *
 * @module
 */
import { bestClosure } from './best-closure.ts';
import type { ChunkCost } from './chunk-cost.ts';

/**
 * A delta pays when it is smaller than the chunks by this part at least: data that the Base has nothing of takes
 * as many bytes either way, and the repository should not hold it twice.
 */
export const LEAST_PART: number = 1 / 64;

const WORTH = 1 - LEAST_PART;

/** True when `bytes` of a delta are worth storing besides chunks that cost a device `chunkBytes`. */
export function pays(bytes: number, chunkBytes: number): boolean {
  return bytes < chunkBytes * WORTH;
}

/** What is asked of {@link ChunkCost}. */
export type SharedCost = Pick<ChunkCost, 'level2Of' | 'framesOf' | 'storedBytes'>;

/**
 * The windows to leave out, so that a device fetches as little as possible.
 *
 * @param payloads bytes of each window's payload; `undefined` for a window without one
 * @param missing windows that the delta does not have; their chunks are paid for in any case
 * @returns windows, ascending
 */
export function windowsToDrop(
  payloads: readonly (number | undefined)[],
  missing: readonly number[],
  cost: SharedCost,
): number[] {
  const paid = new Set(missing.flatMap((window) => cost.framesOf(window)));
  const coded = [...payloads.keys()].filter((window) => payloads[window] !== undefined);
  const numbers = new Map<number, number>();
  const costs: number[] = [];
  const needs = coded.map((window) =>
    cost
      .framesOf(window)
      .filter((frame) => !paid.has(frame))
      .map((frame) => {
        const number = numbers.get(frame) ?? costs.push(Math.floor(cost.storedBytes(frame) * WORTH)) - 1;
        numbers.set(frame, number);
        return number;
      }),
  );
  // One byte more, so that what costs the same goes: it would be stored twice.
  const gains = coded.map(
    (window) => 1 + (payloads[window] as number) - Math.floor(cost.level2Of(window) * WORTH),
  );
  return bestClosure({ gains, needs, costs }).map((item) => coded[item] as number);
}
