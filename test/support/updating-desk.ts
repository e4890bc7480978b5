/**
 * Desks for stories of updates: 1.0 runs as it came from the factory, and a repository of its own has 1.0 and 2.0.
 *
 * @module
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { UpdateResult } from '../../src/device/update/update-result.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { openLedger } from '../../src/trust/unsigned-releases.ts';
import {
  DESK_PRODUCT,
  type Desk,
  type DeskImages,
  type DeskOptions,
  deskImages,
  factoryDesk,
  openDesk,
  publishDesk,
} from './desk-device.ts';
import { temporaryDirectory } from './temporary-directory.ts';

export const v1: Required<DeskImages> = deskImages('1.0');
export const v2: Required<DeskImages> = deskImages('2.0');

export interface UpdatingDesk extends Desk {
  readonly repository: string;
  readonly options: DeskOptions;
  /** The same device after a restart of silt. */
  again(more?: Partial<DeskOptions>): Desk;
  publish(version: string, images?: DeskImages): Promise<void>;
  /** Lets the channel point to another release. */
  point(version: string): Promise<void>;
}

/** By its path in the repository. Published once for all desks of a file. */
let published: Promise<ReadonlyMap<string, Buffer>> | undefined;

export async function updatingDesk(
  t: ExecutionContext<unknown>,
  options: Partial<DeskOptions> = {},
): Promise<UpdatingDesk> {
  const base = await temporaryDirectory(t);
  const repository = await writeRepository(t, base);
  const all: DeskOptions = { repositories: [repository], ...options };
  const root = join(base, 'desk');
  const desk = await factoryDesk(root, all, v1);
  return {
    ...desk,
    repository,
    options: all,
    again: (more) => openDesk(root, { ...all, ...more }),
    publish: async (version, images) => void (await publishDesk(base, version, images)),
    async point(version) {
      const store = await openDirectoryStore(repository);
      await openLedger(store).point(DESK_PRODUCT, 'stable', version);
      await store.close();
    },
  };
}

/** A repository with 1.0 and 2.0 in `base`. */
export async function writeRepository(t: ExecutionContext<unknown>, base: string): Promise<string> {
  published ??= publishBoth(t);
  const repository = join(base, 'repository');
  for (const [name, bytes] of await published) {
    await mkdir(dirname(join(repository, name)), { recursive: true });
    await writeFile(join(repository, name), bytes);
  }
  return repository;
}

async function publishBoth(t: ExecutionContext<unknown>): Promise<ReadonlyMap<string, Buffer>> {
  const base = await temporaryDirectory(t);
  await publishDesk(base, '1.0', v1);
  const repository = await publishDesk(base, '2.0', v2);
  const files = await readdir(repository, { recursive: true, withFileTypes: true });
  const paths = files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
  const read = paths.map(async (path) => [path.slice(repository.length + 1), await readFile(path)] as const);
  return new Map(await Promise.all(read));
}

/**
 * Which release each part of the device holds that is in use, as `slot motor app`; of the slot, what would be
 * started next. The slot `main` lies where A does.
 */
export async function inUse(desk: Desk): Promise<string> {
  const { primary } = await desk.loader.read();
  const rootfs =
    primary === 'rescue' ? primary : versionOf(desk.slot(primary === 'B' ? primary : 'A'), 'rootfs');
  return `${rootfs} ${versionOf(desk.motor(), 'motor')} ${desk.app() ?? 'none'}`;
}

function versionOf(bytes: Buffer | undefined, image: 'rootfs' | 'motor'): string {
  if (bytes === undefined) return 'none';
  const found = ['1.0', '2.0', '3.0'].find((version) => bytes.equals(deskImages(version)[image]));
  return found ?? 'torn';
}

/** What came of a run, and where it stands: for one line of a test. */
export const outcomeOf = ({ outcome, phase, failure }: UpdateResult): string =>
  [outcome, phase, failure?.code].filter((word) => word !== undefined).join(' ');

/** Kinds of events, in order. */
export const told = (desk: Pick<Desk, 'events'>): string[] => desk.events.map(({ kind }) => kind);
