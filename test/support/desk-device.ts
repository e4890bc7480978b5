/**
 * A device on a desk: two slots in files with the simulated boot loader, a file and a directory beside them, and
 * hooks that a test writes. Everything else is the real thing. Made again on the same directory it is the same
 * device after a restart of silt.
 *
 * @module
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chunkerSpec } from '../../src/chunker/chunker.ts';
import { SiltError } from '../../src/core/errors.ts';
import { KiB } from '../../src/core/sizes.ts';
import type { BootLoader } from '../../src/device/boot/boot-loader.ts';
import {
  type SimulatedBootLoader,
  simulatedBootLoader,
} from '../../src/device/boot/simulated-boot-loader.ts';
import { DirectoryInstaller } from '../../src/device/installers/directory-installer.ts';
import { FileInstaller } from '../../src/device/installers/file-installer.ts';
import type { Installer } from '../../src/device/installers/installer.ts';
import { SlotInstaller } from '../../src/device/installers/slot-installer.ts';
import type { LogEntry } from '../../src/device/log.ts';
import type { DeviceEvent, Outbox } from '../../src/device/report/event.ts';
import type {
  Component,
  Device,
  HookFacts,
  HookName,
  ReleaseSource,
} from '../../src/device/update/device.ts';
import type { DeviceState } from '../../src/device/update/device-state.ts';
import { type Journal, openJournal } from '../../src/device/update/journal.ts';
import { runUpdate } from '../../src/device/update/run-update.ts';
import type { RunOptions, UpdateResult } from '../../src/device/update/update-result.ts';
import { publish } from '../../src/publisher/publish.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { openFloor } from '../../src/trust/floor.ts';
import { openLedger, openReleases } from '../../src/trust/unsigned-releases.ts';
import { seededBytes } from './seeded-bytes.ts';
import { tarOf } from './tar-builder.ts';

export const DESK_PRODUCT = 'router';

/** The images of one release. */
export interface DeskImages {
  readonly rootfs?: Uint8Array;
  readonly motor?: Uint8Array;
  readonly app?: Uint8Array;
}

/** Images that have much in common from one version to the next. */
export function deskImages(version: string): Required<DeskImages> {
  const common = seededBytes('desk: common', 120 * KiB);
  return {
    rootfs: Buffer.concat([seededBytes(`desk: rootfs ${version}`, 20 * KiB), common, Buffer.alloc(20 * KiB)]),
    motor: Buffer.concat([common.subarray(0, 8 * KiB), seededBytes(`desk: motor ${version}`, 2 * KiB)]),
    app: tarOf([
      { name: 'app/', type: '5', mode: 0o755 },
      { name: 'app/version', content: version },
      { name: 'app/data', content: common.subarray(0, 10 * KiB) },
    ]),
  };
}

/** Publishes a release of `images` into the repository below `directory`, and points `channel` at it. */
export async function publishDesk(
  directory: string,
  version: string,
  images: DeskImages = deskImages(version),
  channel = 'stable',
): Promise<string> {
  const repository = join(directory, 'repository');
  const paths = Object.entries(images).map(([name, bytes]) => {
    const path = join(directory, `${version}.${name}`);
    writeFileSync(path, bytes);
    return { name, path };
  });
  const store = await openDirectoryStore(repository, { create: true });
  await publish(store, openLedger(store), {
    product: DESK_PRODUCT,
    version,
    images: paths,
    channel,
    chunker: chunkerSpec('fastcdc-1', 2 * KiB),
    compression: { codec: 'zstd', level: 1 },
    workers: 1,
    created: new Date('2026-01-02T03:04:05.678Z'),
  });
  return repository;
}

export type HookScript = Partial<Record<HookName, (facts: HookFacts) => unknown>>;

export interface DeskOptions {
  readonly repositories: readonly string[];
  readonly hooks?: HookScript;
  /** Starts that a new system gets; default 3. */
  readonly bootTries?: number;
  /** What a restart does; by default one start of the boot loader. */
  readonly reboot?: (loader: SimulatedBootLoader) => Promise<void>;
  readonly config?: Partial<Device['config']>;
  /** Instead of the file and the directory. */
  readonly components?: (root: string) => readonly Component[];
  readonly outbox?: Outbox;
  /** Around the installer of a component. */
  readonly wrap?: (installer: Installer, component: string) => Installer;
  /** Names of the slots; the first one runs. Default: A and B. */
  readonly slots?: readonly string[];
  /** Around the boot loader, as the update sees it. */
  readonly wrapLoader?: (loader: SimulatedBootLoader) => BootLoader;
  readonly wrapJournal?: (journal: Journal) => Journal;
  /** Around a repository that has been opened. */
  readonly wrapSource?: (source: ReleaseSource) => ReleaseSource;
}

export interface Desk {
  readonly root: string;
  readonly device: Device;
  readonly loader: SimulatedBootLoader;
  readonly events: DeviceEvent[];
  readonly log: LogEntry[];
  /** Hooks that were called, `reboot` among them. */
  readonly hooks: string[];
  /** The clock. */
  readonly clock: { now: number };
  run(options?: RunOptions): Promise<UpdateResult>;
  /** Runs again after each restart, until something else comes of it. */
  settle(options?: RunOptions): Promise<UpdateResult>;
  state(): Promise<DeviceState>;
  /** What lies in the slot, the file, the application in use. */
  slot(name: 'A' | 'B'): Buffer;
  motor(): Buffer | undefined;
  app(): string | undefined;
  floor(): Promise<number>;
}

/** The most restarts that anything needs. */
const MAX_RESTARTS = 20;

/** Makes the desk in `root`, or goes on with the one that is there. */
export function openDesk(root: string, options: DeskOptions): Desk {
  for (const name of ['slots', 'etc', 'state']) mkdirSync(join(root, name), { recursive: true });
  const slotPath = (name: 'A' | 'B'): string => join(root, 'slots', name);
  for (const name of ['A', 'B'] as const) {
    if (!existsSync(slotPath(name))) writeFileSync(slotPath(name), '');
  }
  const loader = simulatedBootLoader({ path: join(root, 'boot.json'), slots: options.slots ?? ['A', 'B'] });
  const events: DeviceEvent[] = [];
  const log: LogEntry[] = [];
  const hooks: string[] = [];
  const clock = { now: Date.parse('2026-03-04T05:06:07Z') };
  const stateDirectory = join(root, 'state');
  const journal = openJournal(join(stateDirectory, 'device'));
  const wrap = options.wrap ?? ((installer: Installer) => installer);
  const components = (options.components ?? deskComponents)(root).map((component) => ({
    ...component,
    installer: (slots?: Parameters<Component['installer']>[0]) =>
      wrap(component.installer(slots), component.name),
  }));
  const device: Device = {
    id: 'desk',
    siltVersion: '1.0.0',
    config: {
      device: { id: 'desk', idFile: undefined, hardware: undefined, variant: undefined },
      product: DESK_PRODUCT,
      channel: 'stable',
      repositories: options.repositories,
      stateDirectory,
      budgets: { maxBytes: undefined, maxRequests: undefined, seconds: undefined },
      polling: { interval: 3600, jitter: 60, windows: [] },
      ...options.config,
    },
    async openSource(location) {
      const store = await openDirectoryStore(location);
      const source: ReleaseSource = {
        location,
        store,
        releases: openReleases,
        contentKey: () => undefined,
        close: () => store.close(),
      };
      return options.wrapSource?.(source) ?? source;
    },
    components,
    bootLoader: options.wrapLoader?.(loader) ?? loader,
    bootTries: options.bootTries ?? 3,
    booted: async () => ({ bootId: await loader.bootId(), slot: await loader.booted() }),
    hooks: {
      async run(hook, facts) {
        hooks.push(hook);
        return (await options.hooks?.[hook]?.(facts)) === 'later' ? 'later' : 'done';
      },
      async reboot() {
        hooks.push('reboot');
        if (options.reboot === undefined) await loader.boot();
        else await options.reboot(loader);
      },
    },
    floor: openFloor(join(stateDirectory, 'floor')),
    journal: options.wrapJournal?.(journal) ?? journal,
    outbox: options.outbox ?? {
      async add(event) {
        if (!events.some(({ id }) => id === event.id)) events.push(event);
      },
    },
    log: (entry) => log.push(entry),
    now: () => new Date(clock.now),
  };
  const run = (runOptions?: RunOptions): Promise<UpdateResult> => runUpdate(device, runOptions);
  return {
    root,
    device,
    loader,
    events,
    log,
    hooks,
    clock,
    run,
    async settle(runOptions) {
      for (let restarts = 0; restarts < MAX_RESTARTS; restarts++) {
        const result = await run(runOptions);
        if (result.outcome !== 'rebooting') return result;
      }
      throw new Error(`no end after ${MAX_RESTARTS} restarts`);
    },
    state: () => device.journal.read(),
    slot: (name) => readFileSync(slotPath(name)),
    motor: () => contentOf(join(root, 'etc', 'motor.bin')),
    app: () => contentOf(join(root, 'app', 'current', 'app', 'version'))?.toString(),
    floor: () => device.floor.read(DESK_PRODUCT),
  };
}

/** As they come from the factory: version `version` in slot A, its file and its application. */
export async function factoryDesk(root: string, options: DeskOptions, images: DeskImages): Promise<Desk> {
  const desk = openDesk(root, options);
  if (images.rootfs !== undefined) writeFileSync(join(root, 'slots', 'A'), images.rootfs);
  if (images.motor !== undefined) writeFileSync(join(root, 'etc', 'motor.bin'), images.motor);
  return desk;
}

export function deskComponents(root: string): readonly Component[] {
  return [
    {
      name: 'motor',
      image: 'motor',
      installer: () => new FileInstaller({ path: join(root, 'etc', 'motor.bin') }),
    },
    rootfsInSlots(root),
    { name: 'app', image: 'app', installer: () => new DirectoryInstaller({ root: join(root, 'app') }) },
  ];
}

export function rootfsInSlots(root: string): Component {
  return {
    name: 'rootfs',
    image: 'rootfs',
    slots: (['A', 'B'] as const).map((boot) => ({ boot, device: join(root, 'slots', boot), rescue: false })),
    installer(slots) {
      if (slots === undefined) throw new SiltError('INTERNAL', 'expected slots for rootfs');
      return new SlotInstaller(slots);
    },
  };
}

function contentOf(path: string): Buffer | undefined {
  return existsSync(path) ? readFileSync(path) : undefined;
}
