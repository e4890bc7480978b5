/**
 * HDiffPatch: suffix sorting with cost models, one compressed stream, as LZMA2 and as zstd.
 *
 * No distribution packages it: `hdiffz` and `hpatchz` are taken from the PATH, as built from
 * github.com/sisong/HDiffPatch. Patches with LZMA2 differ by some bytes from one number of threads to another.
 * What is not fair: the build side may take nine times the old image of memory.
 *
 * @module
 */
import { formatSize, GiB } from '../../core/sizes.ts';
import type { Peer, Program } from '../peer.ts';
import { deltaPeer } from './delta-peer.ts';

/** Where a suffix takes eight bytes instead of four. */
const MAX_BYTES = 2 * GiB;

function program(command: string): Program {
  return {
    command,
    versionArgs: ['-v'],
    install: 'build it from github.com/sisong/HDiffPatch and put it into the PATH',
  };
}

export const hdiffz: Peer = hdiffpatch('hdiffz', 'zstd 21', ['-m', '-SD', '-c-zstd-21-27']);
export const hdiffzLzma: Peer = hdiffpatch('hdiffz-lzma', 'LZMA2', ['-m-6', '-SD', '-c-lzma2-9-64m']);

function hdiffpatch(name: string, coder: string, options: readonly string[]): Peer {
  return deltaPeer({
    name,
    title: `HDiffPatch, ${coder}`,
    programs: [program('hdiffz'), program('hpatchz')],
    refuses: (oldBytes) =>
      oldBytes < MAX_BYTES
        ? undefined
        : `hdiffz may take nine times the old image of memory, ${formatSize(9 * oldBytes)} here; it is run below ${formatSize(MAX_BYTES)}`,
    encode: ({ old, image, patch, run }) => run('hdiffz', ['-f', ...options, old, image, patch]),
    apply: ({ old, patch, output, run }) => run('hpatchz', ['-f', old, patch, output]),
  });
}
