/**
 * Whether it is a device's turn to take a release. Who knows that, by a roll-out rule in the metadata or by a
 * fleet server, implements this; the default lets everything pass.
 *
 * @module
 */
import type { Manifest } from '../format/manifest.ts';

/** Why a device must wait. */
export interface NotYet {
  /** For people, as it stands after a colon: `this device is not among the first 10 %`. */
  readonly reason: string;
  /** When asking again makes sense; unknown without. */
  readonly retryAfter?: Date | undefined;
}

export interface RolloutGate {
  eligible(manifest: Manifest): Promise<true | NotYet>;
}

/** Lets every release pass. */
export const openGate: RolloutGate = { eligible: async () => true };
