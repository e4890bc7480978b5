/**
 * desync: the formats of casync, with ten requests at once.
 *
 * Built from its Go module by `scripts/provision-peers.sh`; the device runs `desync extract`. A seed needs an
 * index of its own: the device has kept that of its last update. With `-k` it writes in place, so that an
 * interrupted extract goes on with what it has. What is not fair: it is spared the cutting of the seed that
 * casync pays for, and pays for hashing the chunks that it takes from there.
 *
 * @module
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Peer, Program } from '../peer.ts';

const PROGRAM: Program = {
  command: 'desync',
  versionArgs: [],
  install: 'sh scripts/provision-peers.sh builds it from github.com/folbricht/desync',
};

export const desync64k: Peer = desync(64);
export const desync16k: Peer = desync(16);

function desync(averageKiB: number): Peer {
  const sizes = `${averageKiB / 4}:${averageKiB}:${averageKiB * 4}`;
  return {
    name: `desync-${averageKiB}k`,
    title: `desync, chunks of ${averageKiB} KiB in the mean`,
    family: 'chunks',
    programs: [PROGRAM],
    publish: async ({ site, release, image, run }) => {
      const store = join(site, 'store');
      await mkdir(store, { recursive: true });
      await run('desync', ['make', '-m', sizes, '-s', store, join(site, `${release}.caibx`), image]);
    },
    prepare: ({ release, state, download }) => download(`${release - 1}.caibx`, seedIndex(state)),
    fetch: ({ url, release, seed, state, output, run }) =>
      run('desync', [
        ...['extract', '-k', '-s', `${url}store`],
        ...(seed === undefined ? [] : ['--seed', `${seedIndex(state)}:${seed}`]),
        `${url}${release}.caibx`,
        output,
      ]),
    kindOf: (path) => (path.endsWith('.caibx') ? 'index' : 'data'),
  };
}

function seedIndex(state: string): string {
  return join(state, 'seed.caibx');
}
