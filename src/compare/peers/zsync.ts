/**
 * zsync: the image as it is, or gzipped, and a control file with the checksums of its blocks.
 *
 * Debian package `zsync`; the device runs `zsync` with the old image as seed, and an interrupted one goes on
 * from its `.part` file. Plain zsync sends blocks uncompressed; `zsync-gz` sends pieces of the gzipped image.
 * What is not fair: it is made for files that shift little, it asks for many ranges at once, which most object
 * stores refuse, and it speaks no TLS.
 *
 * @module
 */
import { constants } from 'node:fs';
import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Peer, Program } from '../peer.ts';

function program(command: string): Program {
  return { command, versionArgs: ['-V'], install: 'apt-get install zsync' };
}

export const zsync: Peer = {
  name: 'zsync',
  title: 'zsync, blocks uncompressed',
  family: 'chunks',
  programs: [program('zsyncmake'), program('zsync')],
  publish: async ({ site, release, image, run }) => {
    await copyFile(image, join(site, `${release}.img`), constants.COPYFILE_FICLONE);
    const names = ['-o', `${release}.zsync`, '-u', `${release}.img`];
    await run('zsyncmake', [...names, `${release}.img`], { cwd: site });
  },
  fetch: ({ url, release, seed, output, run }) =>
    run('zsync', [
      '-q',
      ...(seed === undefined ? [] : ['-i', seed]),
      ...['-o', output, `${url}${release}.zsync`],
    ]),
  kindOf: (path) => (path.endsWith('.zsync') ? 'index' : 'data'),
};

export const zsyncGzip: Peer = {
  ...zsync,
  name: 'zsync-gz',
  title: 'zsync, of a gzipped image',
  publish: async ({ site, release, image, run }) => {
    const plain = join(site, `${release}.img`);
    await copyFile(image, plain, constants.COPYFILE_FICLONE);
    const names = ['-o', `${release}.zsync`, '-u', `${release}.img.gz`];
    await run('zsyncmake', ['-z', '-C', ...names, `${release}.img`], { cwd: site });
    await rm(plain);
  },
};
