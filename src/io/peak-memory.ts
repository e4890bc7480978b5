/**
 * The most memory that a process has had, from proc_pid_status(5): Linux alone.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { KiB } from '../core/sizes.ts';

/** Peak resident memory of the process, its threads included, in bytes; `undefined` where nothing tells. */
export function peakMemoryOf(pid: number | 'self'): number | undefined {
  try {
    const kilobytes = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * KiB;
  } catch {
    // It has ended meanwhile, or this is another system.
    return undefined;
  }
}
