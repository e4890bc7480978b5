/**
 * What one run of the update has come to, for the command line and for the agent's schedule.
 *
 * @module
 */
import type { Failure, Phase } from './device-state.ts';

export type UpdateOutcome =
  /** Nothing newer for this device. */
  | 'upToDate'
  /** Done, healthy and kept. */
  | 'updated'
  /** The restart has been asked for; the update goes on after it. */
  | 'rebooting'
  /** It waits: for its maintenance window, for `defer`, or for the time of another try. */
  | 'waiting'
  /** It failed before anything was put in use, and may be tried again. */
  | 'failed'
  /** It failed, and what was there before is in use again. */
  | 'rolledBack';

export interface UpdateResult {
  readonly outcome: UpdateOutcome;
  readonly phase: Phase | undefined;
  readonly release: { readonly version: string; readonly counter: number } | undefined;
  readonly failure: Failure | undefined;
  /** Why it waits, for people. */
  readonly reason: string | undefined;
  /** When another run makes sense, where that is known before the next polling. */
  readonly notBefore: Date | undefined;
  /** Over the network, in this run. */
  readonly bytesFetched: number;
  readonly requests: number;
}

export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  /** An operator asks for it: no maintenance window, no waiting for the time of another try. */
  readonly now?: boolean | undefined;
  /** Try a release again that was not healthy here. */
  readonly again?: boolean | undefined;
  /** Do not ask `defer`. */
  readonly noDefer?: boolean | undefined;
  /** Another than what the channel points to. */
  readonly version?: string | undefined;
  /** Go on with an update under way, but look for no other. */
  readonly offline?: boolean | undefined;
  readonly onProgress?: ((progress: StepProgress) => void) | undefined;
}

export interface StepProgress {
  readonly phase: Phase;
  readonly component: string;
  /** Bytes, or what an installer program counts. */
  readonly done: number;
  readonly total: number;
}
