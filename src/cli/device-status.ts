/**
 * What is known of a device at this moment, as data: each part is asked for itself, and one that cannot be read
 * is told as a problem beside the others. Nothing is changed, no lock is taken, and no network is needed.
 *
 * @module
 */
import { isSiltError } from '../core/errors.ts';
import type { BootSlot, SlotState } from '../device/boot/boot-loader.ts';
import { bootedSystem } from '../device/booted-system.ts';
import type { DeviceConfig } from '../device/config/device-config.ts';
import type { InstallerStatus } from '../device/installers/installer.ts';
import { bootSlots, makeBootLoader } from '../device/make-boot-loader.ts';
import { makeComponents, slotDevices } from '../device/make-installer.ts';
import { openOutbox, type Waiting } from '../device/report/outbox.ts';
import type { Component } from '../device/update/device.ts';
import type { DeviceState } from '../device/update/device-state.ts';
import { openJournal } from '../device/update/journal.ts';
import { openFloor } from '../trust/floor.ts';
import { floorDirectory } from './commands/floor.ts';
import { deviceId } from './device-id.ts';
import { journalDirectory, outboxDirectory } from './open-device.ts';
import { type SlotHolds, slotHolds } from './slot-holds.ts';

/** A part that could not be read. */
export interface StatusProblem {
  /** `id`, `running`, `bootLoader`, `journal`, `floor`, `events`, or `component NAME`. */
  readonly part: string;
  readonly code: string;
  readonly message: string;
}

export interface SlotStatus {
  readonly name: BootSlot;
  /** `undefined` when nobody knows what runs. */
  readonly running: boolean | undefined;
  /** Started at the next restart; `undefined` when the boot loader cannot be read. */
  readonly next: boolean | undefined;
  readonly bootable: boolean | undefined;
  readonly triesLeft: number | undefined;
  readonly devices: readonly string[];
  readonly holds: SlotHolds | undefined;
}

export interface ComponentStatus {
  readonly name: string;
  readonly type: string;
  /** As its installer finds it; `undefined` for a component in slots, and where that failed. */
  readonly found: InstallerStatus | undefined;
  /** The version that silt installed and found healthy last. */
  readonly installed: string | undefined;
  /** It could not be rolled back. */
  readonly damaged: boolean;
}

export interface DeviceStatus {
  readonly config: string;
  readonly device: {
    readonly id: string | undefined;
    readonly hardware: string | undefined;
    readonly variant: string | undefined;
  };
  readonly product: string;
  readonly channel: string;
  readonly bootLoader: string;
  /** The slot that runs, where anybody knows; there is no such thing without slots. */
  readonly running: BootSlot | undefined;
  /** In the order of the boot loader. */
  readonly slots: readonly SlotStatus[];
  readonly components: readonly ComponentStatus[];
  /** 0 when there never was one. */
  readonly floor: number | undefined;
  /** What waits to be delivered; none where no `feedback` is configured. */
  readonly events: Waiting | undefined;
  /** The journal; times in milliseconds since 1970. */
  readonly journal: DeviceState | undefined;
  readonly problems: readonly StatusProblem[];
}

/** Asks every part. @throws the reason of `signal`, and nothing else */
export async function deviceStatus(
  path: string,
  config: DeviceConfig,
  signal: AbortSignal,
): Promise<DeviceStatus> {
  const problems: StatusProblem[] = [];
  async function ask<T>(part: string, work: () => Promise<T> | T): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      const message = error instanceof Error ? error.message : String(error);
      problems.push({ part, code: isSiltError(error) ? error.code : 'INTERNAL', message });
      return undefined;
    }
  }
  const { device, product, channel, stateDirectory } = config;
  const components = makeComponents(config.components);
  const names = bootSlots(config.components);
  const id = await ask('id', () => deviceId(device));
  const loader = await ask('bootLoader', () => makeBootLoader(config.bootLoader, names).loader);
  const boot = loader && (await ask('bootLoader', () => loader.read()));
  const booted = loader && (await ask('running', () => bootedSystem(loader, slotDevices(components))));
  const journal = await ask('journal', () => openJournal(journalDirectory(stateDirectory)).read());
  const order: readonly Pick<SlotState, 'name'>[] = boot?.order ?? names.map((name) => ({ name }));
  return {
    config: path,
    device: { id, hardware: device.hardware, variant: device.variant },
    product,
    channel,
    bootLoader: config.bootLoader.type,
    running: booted?.slot,
    slots: order.map(({ name }) => {
      const state = boot?.order.find((one) => one.name === name);
      return {
        name,
        running: booted?.slot === undefined ? undefined : booted.slot === name,
        next: boot && boot.primary === name,
        bootable: state?.bootable,
        triesLeft: state?.triesLeft,
        devices: slotDevices(components).flatMap((one) => (one.boot === name ? [one.device] : [])),
        holds: journal && slotHolds(journal, name),
      };
    }),
    components: await Promise.all(
      components.map(async (component) => ({
        name: component.name,
        type: typeOf(config, component),
        found: await ask(`component ${component.name}`, () => found(component, signal)),
        installed: journal?.installed?.components[component.name]?.version,
        damaged: journal?.damaged?.includes(component.name) === true,
      })),
    ),
    floor: await ask('floor', () => openFloor(floorDirectory(stateDirectory)).read(product)),
    events:
      config.feedback && (await ask('events', () => openOutbox(outboxDirectory(stateDirectory)).waiting())),
    journal,
    problems,
  };
}

function typeOf({ components }: DeviceConfig, { name }: Component): string {
  return components.find((one) => one.name === name)?.installer.type ?? '';
}

/** What runs from slots is told by the boot loader. */
async function found(component: Component, signal: AbortSignal): Promise<InstallerStatus | undefined> {
  return component.slots === undefined ? await component.installer().status({ signal }) : undefined;
}
