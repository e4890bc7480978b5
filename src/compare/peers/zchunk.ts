/**
 * zchunk: one file a release, zstd 9, chunks of 32 KiB in the mean; the device asks for many ranges at once.
 *
 * Debian package `zchunk`; the device runs `zckdl` and then `unzck`. zckdl takes as seed only a zchunk file: the
 * device has kept that of its last update. What is not fair: the device so stores every image twice, once
 * compressed, and the unpacking is a second pass that a device with little flash could not do; and answers to
 * many ranges at once are what most object stores refuse.
 *
 * @module
 */
import { join } from 'node:path';
import type { Peer, Program } from '../peer.ts';

function program(command: string): Program {
  return { command, versionArgs: ['--version'], install: 'apt-get install zchunk' };
}

export const zchunk: Peer = {
  name: 'zchunk',
  title: 'zchunk, chunks of 32 KiB in the mean, zstd 9',
  family: 'chunks',
  programs: [program('zck'), program('zckdl'), program('unzck')],
  publish: ({ site, release, image, run }) => run('zck', ['-o', join(site, `${release}.zck`), image]),
  prepare: ({ release, state, download }) => download(`${release - 1}.zck`, join(state, 'seed.zck')),
  fetch: async ({ url, release, seed, state, output, run }) => {
    const source = seed === undefined ? [] : ['-s', join(state, 'seed.zck')];
    // It writes to the directory it runs in, and takes from there what an interrupted attempt has left.
    await run('zckdl', ['-qq', ...source, `${url}${release}.zck`], { cwd: state });
    await run('unzck', ['-c', join(state, `${release}.zck`)], { stdout: output });
  },
  // The header, which is the index, lies in the same file.
  kindOf: () => 'data',
};
