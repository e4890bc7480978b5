/**
 * What every command runs in: its output, and a signal that Ctrl-C aborts.
 *
 * @module
 */
import { peakMemoryOf } from '../io/peak-memory.ts';
import { listenForInterrupt } from './interrupt.ts';
import { createOutput, type Output, type OutputOptions } from './output.ts';

export interface CommandSession {
  readonly output: Output;
  readonly signal: AbortSignal;
}

/**
 * Runs `work`; what it returns is the exit status of the process.
 *
 * @param whenInterrupted told to the user after Ctrl-C
 * @throws what `work` throws; once interrupted, INTERRUPTED, whatever the interruption broke
 */
export async function runCommand(
  options: OutputOptions,
  whenInterrupted: string,
  work: (session: CommandSession) => Promise<number>,
): Promise<void> {
  const output = createOutput(options);
  using interrupt = listenForInterrupt(whenInterrupted);
  const { signal } = interrupt;
  try {
    process.exitCode = await work({ output, signal });
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    output.progress.erase();
  }
}

/**
 * The most memory this process has used so far, its threads included, in bytes.
 *
 * On Linux from /proc, since the count that getrusage(2) gives begins with that of the parent.
 */
export function peakMemory(): number {
  return peakMemoryOf('self') ?? process.resourceUsage().maxRSS * 1024;
}
