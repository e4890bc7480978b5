/**
 * casync: one object a chunk in a store that all releases share, each chunk zstd 3, and one index a release.
 *
 * Debian package `casync`; the device runs `casync extract` with the old image as seed. What is not fair: a
 * casync that has lost its connection keeps nothing and starts again, and it cuts and hashes the seed each
 * time, where other tools keep an index. Its average of 64 KiB is the default; 16 KiB is often used for images.
 *
 * @module
 */
import { join } from 'node:path';
import { KiB } from '../../core/sizes.ts';
import type { Peer, Program } from '../peer.ts';

const PROGRAM: Program = {
  command: 'casync',
  versionArgs: ['--version'],
  install: 'apt-get install casync',
};

export const casync64k: Peer = casync(64);
export const casync16k: Peer = casync(16);

function casync(averageKiB: number): Peer {
  return {
    name: `casync-${averageKiB}k`,
    title: `casync, chunks of ${averageKiB} KiB in the mean`,
    family: 'chunks',
    programs: [PROGRAM],
    publish: ({ site, release, image, run }) =>
      run('casync', [
        'make',
        `--chunk-size=${averageKiB * KiB}`,
        `--store=${join(site, 'store')}`,
        join(site, `${release}.caibx`),
        image,
      ]),
    fetch: ({ url, release, seed, output, run }) =>
      run('casync', [
        'extract',
        `--store=${url}store`,
        ...(seed === undefined ? [] : [`--seed=${seed}`]),
        `${url}${release}.caibx`,
        output,
      ]),
    kindOf: (path) => (path.endsWith('.caibx') ? 'index' : 'data'),
  };
}
