/**
 * No update tool at all: the whole image, compressed by zstd 19, downloaded and unpacked.
 *
 * Debian package `zstd`. What everything else has to beat.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Peer } from '../peer.ts';
import { ZSTD } from './zstd-program.ts';

export const full: Peer = {
  name: 'full',
  title: 'the whole image, zstd 19',
  family: 'full',
  programs: [ZSTD],
  publish: ({ site, release, image, run }) =>
    run('zstd', ['-q', '-f', '-19', '-T0', image, '-o', join(site, `${release}.zst`)]),
  fetch: async ({ release, state, output, run, download }) => {
    const file = join(state, `${release}.zst`);
    if (!existsSync(file)) await download(`${release}.zst`, file);
    await run('zstd', ['-q', '-f', '-d', file, '-o', output]);
  },
  kindOf: () => 'data',
};
