/**
 * rdiff: the algorithm of rsync as patches, compressed by zstd 19.
 *
 * Debian packages `rdiff` and `zstd`; the device runs `zstd -d` and `rdiff patch`. The build side has the old
 * image and makes the signature itself. What is not fair: rdiff needs only the signature to make a delta, not
 * the old image, and that strength of it is worth nothing here.
 *
 * @module
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Peer } from '../peer.ts';
import { deltaPeer } from './delta-peer.ts';
import { ZSTD } from './zstd-program.ts';

export const rdiff: Peer = deltaPeer({
  name: 'rdiff',
  title: 'rdiff, zstd 19',
  programs: [{ command: 'rdiff', versionArgs: ['--version'], install: 'apt-get install rdiff' }, ZSTD],
  encode: async ({ old, image, patch, work, run }) => {
    const signature = join(work, 'signature');
    const delta = join(work, 'delta');
    await run('rdiff', ['-f', 'signature', old, signature]);
    await run('rdiff', ['-f', 'delta', signature, image, delta]);
    await run('zstd', ['-q', '-f', '-19', '-T0', delta, '-o', patch]);
    await Promise.all([signature, delta].map((path) => rm(path)));
  },
  apply: async ({ old, patch, output, state, run }) => {
    const delta = join(state, 'delta');
    await run('zstd', ['-q', '-f', '-d', patch, '-o', delta]);
    await run('rdiff', ['-f', 'patch', old, delta, output]);
    await rm(delta);
  },
});
