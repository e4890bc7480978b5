/**
 * A pause that ends by its time, or earlier by a signal: a stop, or a call to wake up.
 *
 * @module
 */
import type { Sleep } from '../../core/sleep.ts';

/** Asks the agent for a check at once. A call while it is at work is heard when it has done. */
export class WakeUp {
  #calls = new AbortController();

  call(): void {
    this.#calls.abort();
  }

  /** Aborted since somebody called. */
  get signal(): AbortSignal {
    return this.#calls.signal;
  }

  /** What was asked for is being done; only later calls count. */
  heed(): void {
    if (this.#calls.signal.aborted) this.#calls = new AbortController();
  }
}

/** Waits `ms` milliseconds, or until one of `signals` is aborted. On none of them anything is left of it. */
export async function pause(ms: number, signals: readonly AbortSignal[], sleep: Sleep): Promise<void> {
  if (signals.some(({ aborted }) => aborted)) return;
  const early = new AbortController();
  const end = (): void => early.abort();
  for (const signal of signals) signal.addEventListener('abort', end);
  try {
    await sleep(ms, early.signal);
  } catch (error) {
    if (!early.signal.aborted) throw error;
  } finally {
    for (const signal of signals) signal.removeEventListener('abort', end);
  }
}
