/**
 * The simplest tool there is: it publishes images by copying them and fetches them whole. Real programs, real
 * files, nothing simulated.
 *
 * @module
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Peer } from '../../src/compare/peer.ts';

/** @param changes what is different about this one */
export function copyingPeer(name: string, changes: Partial<Peer> = {}): Peer {
  return {
    name,
    title: 'copies the whole image',
    family: 'full',
    programs: [{ command: 'cp', versionArgs: ['--version'], install: 'apt-get install coreutils' }],
    publish: ({ site, image, release, run }) => run('cp', [image, join(site, `${release}.img`)]),
    async fetch({ release, output, download, state, run }) {
      const taken = join(state, 'taken');
      await download(`${release}.img`, taken);
      await run('cp', [taken, output]);
      await rm(taken);
    },
    kindOf: () => 'data',
    ...changes,
  };
}
