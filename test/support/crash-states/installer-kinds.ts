/**
 * The kinds of installers, each below a directory with something in use, and what plays the programs they call.
 *
 * @module
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { KiB } from '../../../src/core/sizes.ts';
import { CommandInstaller } from '../../../src/device/installers/command-installer.ts';
import { debInstaller } from '../../../src/device/installers/deb-installer.ts';
import { DirectoryInstaller } from '../../../src/device/installers/directory-installer.ts';
import { FileInstaller } from '../../../src/device/installers/file-installer.ts';
import type { Installer } from '../../../src/device/installers/installer.ts';
import { ociInstaller } from '../../../src/device/installers/oci-installer.ts';
import { SlotInstaller } from '../../../src/device/installers/slot-installer.ts';
import { removeFile, replaceFile } from '../../../src/io/atomic.ts';
import type { runCommand } from '../../../src/io/run-command.ts';
import { sweepTemporaries } from '../../../src/io/temporary-name.ts';
import { seededBytes } from '../seeded-bytes.ts';
import { tarOf } from '../tar-builder.ts';
import { bytesAt, mustHold } from './must-hold.ts';

export type Version = 'old' | 'new';

export interface InstallerKind {
  readonly name: string;
  /** Whether {@link InstallerKind.inUse} changes: which slot is used is told by a boot loader. */
  readonly switches: boolean;
  readonly images: Readonly<Record<Version, Buffer>>;
  /** What a device has before anything was installed. */
  deliver(root: string): Promise<void>;
  open(root: string): Installer;
  /** Where it wants the image, below `root`. */
  readonly output: string;
  /** What is in use. @throws Error when it is neither whole version */
  inUse(root: string): Version | 'none';
  /** Names below `root` after the update from `before` is finished. */
  names(before: Version | 'none'): readonly string[];
}

const bytesOf = (version: Version): Buffer =>
  Buffer.from(seededBytes(`installer ${version}`, version === 'old' ? 9 * KiB : 10 * KiB + 7));
const plain: InstallerKind['images'] = { old: bytesOf('old'), new: bytesOf('new') };

/** The version that `found` is. */
function versionOf(
  found: Uint8Array | undefined,
  images: InstallerKind['images'],
  what: string,
): Version | 'none' {
  if (found === undefined) return 'none';
  for (const version of ['old', 'new'] as const) if (images[version].equals(found)) return version;
  throw new Error(`${what} has ${found.length} bytes, which are neither version`);
}

const slot: InstallerKind = {
  name: 'slot',
  switches: false,
  images: plain,
  async deliver(root) {
    await writeFile(join(root, 'a'), plain.old);
    await writeFile(join(root, 'b'), seededBytes('something else', 12 * KiB));
  },
  output: 'b',
  open: (root) => new SlotInstaller({ active: join(root, 'a'), target: join(root, 'b') }),
  inUse: (root) => versionOf(bytesAt(join(root, 'a')), plain, 'the active slot'),
  names: () => ['a', 'b'],
};

const file = (name: string, copy: boolean): InstallerKind => ({
  name,
  switches: true,
  images: plain,
  async deliver() {},
  output: 'file.silt-new',
  open: (root) => new FileInstaller({ path: join(root, 'file'), copy }),
  inUse: (root) => versionOf(bytesAt(join(root, 'file')), plain, 'the file'),
  names: () => ['file'],
});

const trees: InstallerKind['images'] = { old: treeOf('old'), new: treeOf('new') };

function treeOf(version: Version): Buffer {
  return tarOf([
    { name: 'bin/', type: '5', mode: 0o755 },
    { name: 'bin/app', content: plain[version], mode: 0o755 },
    { name: 'bin/again', type: '1', link: 'bin/app' },
    { name: 'run', type: '2', link: 'bin/app' },
  ]);
}

const TREE = ['', '/bin', '/bin/again', '/bin/app', '/run'];

const directory: InstallerKind = {
  name: 'directory',
  switches: true,
  images: trees,
  async deliver() {},
  output: 'app/next.image',
  open: (root) => new DirectoryInstaller({ root: join(root, 'app') }),
  inUse(root) {
    const current = join(root, 'app', 'current');
    const found = versionOf(bytesAt(join(current, 'run')), plain, 'the application');
    if (found !== 'none') {
      const again = bytesAt(join(current, 'bin', 'again'));
      mustHold(again?.equals(plain[found]) === true, 'a link of the application is missing');
    }
    return found;
  },
  names: (before) => {
    const versions = before === 'none' ? ['new'] : ['new', before];
    return [
      ...['app', 'app/current', 'app/current.image', 'app/versions'],
      ...versions.flatMap((name) => TREE.map((path) => `app/versions/${name}${path}`)),
      ...versions.map((name) => `app/versions/.${name}.sha256`),
      ...(before === 'none' ? [] : ['app/previous']),
    ];
  },
};

/** Plays a container engine or a package manager that keeps one file: which archive is in use. */
const engine: typeof runCommand = async ([, verb = '', path = '']) => {
  const inUse = join(path, '..', '..', 'in-use');
  await sweepTemporaries(dirname(inUse));
  if (verb === 'use') await replaceFile(inUse, bytesAt(path) ?? Buffer.from('no such archive'));
  if (verb === 'remove') await removeFile(inUse);
  return { status: 0, stdout: Buffer.alloc(0) };
};

const archive = (name: string, kind: string, open: (at: string) => Installer): InstallerKind => ({
  name,
  switches: true,
  images: plain,
  async deliver() {},
  output: `kept/next.${kind}`,
  open: (root) => open(join(root, 'kept')),
  inUse: (root) => versionOf(bytesAt(join(root, 'in-use')), plain, 'what is in use'),
  names: () => ['in-use', 'kept', `kept/current.${kind}`, 'kept/current.json'],
});

const use = ['engine', 'use', '{path}'];
const remove = ['engine', 'remove', '{path}'];

const oci = archive('container', 'tar', (at) =>
  ociInstaller({
    directory: at,
    load: ['engine', 'load', '{path}'],
    activate: use,
    remove,
    run: engine,
  }),
);

const deb = archive('package', 'deb', (at) =>
  debInstaller({
    directory: at,
    check: ['engine', 'check', '{path}'],
    install: use,
    remove,
    run: engine,
  }),
);

/** Plays a program that does as docs/guides/installer-protocol.md asks: a file that is replaced at once. */
const microcontroller: typeof runCommand = async ([, at = '', verb], { input = '' }) => {
  const answer = new FileInstaller({ path: join(at, 'firmware') });
  const request = JSON.parse(String(input)) as Parameters<Installer['install']>[0];
  const document = await {
    status: () => answer.status(),
    prepare: () => answer.prepare(),
    install: () => answer.install(request),
    commit: () => answer.commit(request),
    rollback: () => answer.rollback(),
    finish: () => answer.finish(),
  }[verb as keyof Installer]();
  return { status: 0, stdout: Buffer.from(JSON.stringify(document ?? null)) };
};

const program: InstallerKind = {
  name: 'program',
  switches: true,
  images: plain,
  deliver: async (root) => void (await mkdir(join(root, 'mcu'))),
  output: 'mcu/firmware.silt-new',
  open: (root) =>
    new CommandInstaller({
      component: 'mcu',
      command: ['program', join(root, 'mcu')],
      run: microcontroller,
    }),
  inUse: (root) => versionOf(bytesAt(join(root, 'mcu', 'firmware')), plain, 'the firmware'),
  names: () => ['mcu', 'mcu/firmware'],
};

export const installerKinds: readonly InstallerKind[] = [
  slot,
  file('file', false),
  file('file without links', true),
  directory,
  oci,
  deb,
  program,
];
