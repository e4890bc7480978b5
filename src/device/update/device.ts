/**
 * A device as an update sees it: what it is, what it asks, what it writes to, and who helps.
 *
 * @module
 */

import type { RolloutGate } from '../../fetcher/rollout-gate.ts';
import type { ReadStore } from '../../store/store.ts';
import type { Floor } from '../../trust/floor.ts';
import type { MetadataReader, Releases } from '../../trust/releases.ts';
import type { OpenContentKey } from '../../trust/seal/content-key.ts';
import type { BootLoader, BootSlot } from '../boot/boot-loader.ts';
import type { DeviceConfig } from '../config/device-config.ts';
import type { Installer } from '../installers/installer.ts';
import type { Log } from '../log.ts';
import type { Outbox } from '../report/event.ts';
import type { Journal } from './journal.ts';

/** A repository that has been opened. */
export interface ReleaseSource {
  readonly location: string;
  readonly store: ReadStore;
  /** What the device trusts of it. */
  releases(store: MetadataReader): Releases;
  /** How sealed releases are opened, where the device can. @param from where envelopes are read */
  contentKey(from: () => MetadataReader): OpenContentKey | undefined;
  close(): void | Promise<void>;
}

/** Who knows how a repository is opened and trusted; one of `config.repositories`. */
export type OpenSource = (location: string) => Promise<ReleaseSource>;

/** Files or devices of one component in slots. */
export interface SlotPaths {
  /** The slot that is written. */
  readonly target: string;
  /** The one that runs; none where a rescue system does. */
  readonly active?: string | undefined;
}

export interface Component {
  readonly name: string;
  /** Name of its image in a release. */
  readonly image: string;
  /** Where it lies in slots: by the name of the boot loader, in declared order. Of one slot the name may be missing. */
  readonly slots?: readonly {
    readonly boot: BootSlot | undefined;
    readonly device: string;
    readonly rescue: boolean;
  }[];
  /** @param slots needed, and only looked at, for a component in slots */
  installer(slots?: SlotPaths): Installer;
}

export type HookName = 'preInstall' | 'postInstall' | 'preReboot' | 'health' | 'failure' | 'defer';

/** What a hook is told, as SILT_… in its environment. */
export interface HookFacts {
  readonly phase: string;
  readonly update: string;
  readonly version: string;
  readonly counter: number;
  readonly target?: BootSlot | undefined;
  readonly code?: string | undefined;
  readonly message?: string | undefined;
}

/** Commands of the integrator. A hook that is not configured succeeds. */
export interface Hooks {
  /**
   * @returns `later` when `defer` asks for another time (it exits with 75), else `done`
   * @throws SiltError HOOK_FAILED
   */
  run(hook: HookName, facts: HookFacts, signal?: AbortSignal): Promise<'done' | 'later'>;
  /** Asks the system to restart; it goes on running for a moment. @throws SiltError HOOK_FAILED */
  reboot(facts: HookFacts, signal?: AbortSignal): Promise<void>;
}

/** What is running, as far as can be told. */
export interface BootedSystem {
  /** Another one after every start. */
  readonly bootId: string;
  /** The slot that runs; `undefined` when nobody knows. */
  readonly slot: BootSlot | undefined;
}

export interface Device {
  readonly id: string;
  readonly siltVersion: string;
  readonly config: Pick<
    DeviceConfig,
    'device' | 'product' | 'channel' | 'repositories' | 'stateDirectory' | 'budgets' | 'polling'
  >;
  readonly openSource: OpenSource;
  /** In declared order. */
  readonly components: readonly Component[];
  readonly bootLoader: BootLoader | undefined;
  /** Starts that a new system gets until it falls back. */
  readonly bootTries: number;
  booted(): Promise<BootedSystem>;
  readonly hooks: Hooks;
  readonly floor: Floor;
  readonly journal: Journal;
  readonly outbox: Outbox;
  readonly rollout?: RolloutGate | undefined;
  readonly log: Log;
  /** Now, by the clock of the device. */
  now(): Date;
}
