/**
 * zstd --patch-from: the old image as dictionary, at level 19 and at level 3.
 *
 * Debian package `zstd`; the device runs `zstd -d --patch-from`. What is not fair: the device holds the old
 * image and the window, that is the new one as well, in memory.
 *
 * @module
 */
import { GiB } from '../../core/sizes.ts';
import type { Peer } from '../peer.ts';
import { deltaPeer } from './delta-peer.ts';
import { ZSTD } from './zstd-program.ts';

/** The largest window of the format as the program writes it is of 31 bits. */
const MAX_BYTES = 2 * GiB;

/** With several threads its search for long matches is another one, and level 19 loses a tenth. */
export const zstdPatch: Peer = patchFrom('zstd-patch', ['-19', '--single-thread']);
export const zstdPatchFast: Peer = patchFrom('zstd-patch-fast', ['-3']);

function patchFrom(name: string, options: readonly string[]): Peer {
  return deltaPeer({
    name,
    title: `zstd ${options[0]} --patch-from`,
    programs: [ZSTD],
    refuses: (oldBytes, newBytes) =>
      Math.max(oldBytes, newBytes) <= MAX_BYTES ? undefined : 'zstd --patch-from takes images up to 2 GiB',
    encode: ({ old, image, patch, run }) =>
      run('zstd', ['-q', '-f', ...options, `--patch-from=${old}`, image, '-o', patch]),
    apply: ({ old, patch, output, run }) =>
      run('zstd', ['-q', '-f', '-d', '--long=31', `--patch-from=${old}`, patch, '-o', output]),
  });
}
