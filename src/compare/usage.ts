/**
 * What running programs cost.
 *
 * @module
 */

export interface Usage {
  readonly wallSeconds: number;
  /** User and system time of the processes and all their children. */
  readonly cpuSeconds: number;
  /** Peak resident memory of the largest process, in bytes. */
  readonly peakMemory: number;
}

export const NO_USAGE: Usage = { wallSeconds: 0, cpuSeconds: 0, peakMemory: 0 };

/** One after the other. */
export function addUsage(a: Usage, b: Usage): Usage {
  return {
    wallSeconds: a.wallSeconds + b.wallSeconds,
    cpuSeconds: a.cpuSeconds + b.cpuSeconds,
    peakMemory: Math.max(a.peakMemory, b.peakMemory),
  };
}
