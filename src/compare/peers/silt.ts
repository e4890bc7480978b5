/**
 * silt itself: as it is recommended, with a delta from the release before; with chunks alone, as a device gets it
 * whose release no delta was made from; and that with fast compression.
 *
 * The device has got the release before with silt too: its copy of that image is the seed, and the seed index
 * saved then is still good. What is not fair: the other tools read the seed from a file that they have not
 * written, which costs them nothing.
 *
 * @module
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { FetchJob, Kind, Peer } from '../peer.ts';

/**
 * The peers that run `command`, such as `['node', 'dist/cli/main.js']`.
 *
 * @param command a program and the arguments that come before those of silt
 */
export function siltPeers(command: readonly string[]): Peer[] {
  return [
    silt(command, 'silt', 'silt, delta and chunks', ['--bases', '1']),
    silt(command, 'silt-chunks', 'silt, chunks only', []),
    silt(command, 'silt-fast', 'silt, chunks only, zstd 3', ['--compression', 'zstd:3']),
  ];
}

function silt(command: readonly string[], name: string, title: string, options: readonly string[]): Peer {
  const [program = 'silt', ...before] = command;
  const fetch = (job: Omit<FetchJob, 'output'>, release: number, output: string, seed?: string) =>
    job.run(program, [
      ...[...before, 'fetch', '--quiet', '--insecure', '--repo', job.url, '--state', job.state],
      ...['--product', 'image', '--version', String(release), '--output', output],
      ...(seed === undefined ? [] : ['--seed', seed]),
    ]);
  return {
    name,
    title,
    family: 'chunks',
    programs: [
      { command: program, versionArgs: [...before, '--version'], install: 'npm install --global silt' },
    ],
    publish: ({ site, release, image, run }) =>
      run(program, [
        ...[...before, 'publish', '--quiet', '--insecure', '--repo', site, '--product', 'image'],
        ...['--version', String(release), '--image', `image=${image}`, ...options],
      ]),
    prepare: async (job) => {
      const installed = resolve(job.state, 'installed');
      await fetch(job, job.release - 1, installed, job.seed);
      await writeFile(pointer(job.state), installed);
    },
    fetch: async (job) => {
      const { state, seed } = job;
      await fetch(job, job.release, job.output, seed === undefined ? undefined : await seedOf(state, seed));
    },
    kindOf,
  };
}

/**
 * The image that silt has installed, if it is still there. A seed index holds for one file, not for copies of it:
 * so the path is kept, and stays the same where the state is copied.
 */
async function seedOf(state: string, seed: string): Promise<string> {
  return readFile(pointer(state), 'utf8').catch(() => seed);
}

function pointer(state: string): string {
  return join(state, 'installed.path');
}

function kindOf(path: string): Kind {
  if (path.startsWith('indexes/')) return 'index';
  return /^(packs|deltas)\//.test(path) ? 'data' : 'metadata';
}
