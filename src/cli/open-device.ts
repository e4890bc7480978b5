/**
 * A device made of its configuration: all parts that an update works with, and the lock under which it does.
 *
 * @module
 */
import { join } from 'node:path';
import { bootedSystem } from '../device/booted-system.ts';
import type { DeviceConfig } from '../device/config/device-config.ts';
import { makeHooks } from '../device/hooks/make-hooks.ts';
import type { Log } from '../device/log.ts';
import { bootSlots, makeBootLoader } from '../device/make-boot-loader.ts';
import { makeComponents, slotDevices } from '../device/make-installer.ts';
import type { Outbox } from '../device/report/event.ts';
import { openOutbox } from '../device/report/outbox.ts';
import type { Device } from '../device/update/device.ts';
import { openJournal } from '../device/update/journal.ts';
import { makeDirectory } from '../io/atomic.ts';
import { withLock } from '../io/lock-file.ts';
import { openFloor } from '../trust/floor.ts';
import { floorDirectory } from './commands/floor.ts';
import { deviceId } from './device-id.ts';
import { sourceOpener } from './open-source.ts';
import { packageVersion } from './package-version.ts';

/** Short: who holds the lock may be at it for hours. */
const LOCK_WAIT_MS = 1000;

export interface OpenDeviceOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
}

/** Where the journal of updates is, and the lock. */
export function journalDirectory(stateDirectory: string): string {
  return join(stateDirectory, 'device');
}

/** Where events wait. */
export function outboxDirectory(stateDirectory: string): string {
  return join(stateDirectory, 'outbox');
}

/**
 * The device that `config` describes. Repositories, slots and the boot loader are opened when they are needed.
 *
 * @throws SiltError CONFIG_INVALID, also where there is no id; IO_FAILED
 */
export async function openDevice(config: DeviceConfig, { env, log }: OpenDeviceOptions): Promise<Device> {
  const { stateDirectory, product } = config;
  const id = await deviceId(config.device);
  const components = makeComponents(config.components);
  const { loader, tries } = makeBootLoader(config.bootLoader, bootSlots(config.components));
  const slots = slotDevices(components);
  return {
    id,
    siltVersion: packageVersion(),
    config,
    openSource: sourceOpener(config, env),
    components,
    bootLoader: loader,
    bootTries: tries,
    booted: () => bootedSystem(loader, slots),
    hooks: makeHooks(config.hooks, { deviceId: id, product, log }),
    floor: openFloor(floorDirectory(stateDirectory)),
    journal: openJournal(journalDirectory(stateDirectory)),
    outbox: outboxOf(config, log),
    log,
    now: () => new Date(),
  };
}

/** Without `feedback` nobody would ever ask for events, so none are kept. */
function outboxOf({ feedback, stateDirectory }: DeviceConfig, log: Log): Outbox {
  if (feedback === undefined) return { add: async () => {} };
  return openOutbox(outboxDirectory(stateDirectory), { progressMs: feedback.progress * 1000, log });
}

/**
 * Runs `action` as the only one that changes the device.
 *
 * @throws SiltError LOCKED when another silt is at work, NO_SPACE, IO_FAILED; whatever `action` throws
 */
export async function withDeviceLock<T>(
  { stateDirectory }: Pick<DeviceConfig, 'stateDirectory'>,
  signal: AbortSignal,
  action: () => Promise<T>,
): Promise<T> {
  const directory = journalDirectory(stateDirectory);
  await makeDirectory(directory, { again: true });
  // Nobody is there to remove one that a power cut has torn.
  return await withLock(join(directory, 'lock'), { signal, waitMs: LOCK_WAIT_MS, durable: true }, action);
}
