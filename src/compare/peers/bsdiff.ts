/**
 * bsdiff 4: suffix sorting and bzip2.
 *
 * Debian package `bsdiff`; the device runs `bspatch`. What is not fair: the device holds the old and the new
 * image in memory, and the build side some seventeen times the old one, so it is not run on large images.
 *
 * @module
 */
import { formatSize, MiB } from '../../core/sizes.ts';
import type { Peer, Program } from '../peer.ts';
import { deltaPeer } from './delta-peer.ts';

const MEMORY_PER_BYTE = 17;
const MAX_BYTES = 500 * MiB;

function program(command: string): Program {
  return { command, versionArgs: [], install: 'apt-get install bsdiff' };
}

export const bsdiff: Peer = deltaPeer({
  name: 'bsdiff',
  title: 'bsdiff, bzip2',
  programs: [program('bsdiff'), program('bspatch')],
  refuses: (oldBytes, newBytes) =>
    Math.max(oldBytes, newBytes) <= MAX_BYTES
      ? undefined
      : `bsdiff takes ${MEMORY_PER_BYTE} times the old image of memory, ${formatSize(MEMORY_PER_BYTE * oldBytes)} here; it is run up to ${formatSize(MAX_BYTES)}`,
  encode: ({ old, image, patch, run }) => run('bsdiff', [old, image, patch]),
  apply: ({ old, patch, output, run }) => run('bspatch', [old, output, patch]),
});
