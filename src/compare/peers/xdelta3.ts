/**
 * xdelta3: VCDIFF patches, level 9, with the whole old image as source window and the largest target window.
 *
 * Debian package `xdelta3`; the device runs `xdelta3 -d`. Its secondary compression is djw for `xdelta3`, which
 * decodes with little code, and LZMA for `xdelta3-lzma`, with unlimited search for copies: the smallest patches
 * it can make. What is not fair: the device holds the source window, that is the old image, in memory.
 *
 * @module
 */
import { stat } from 'node:fs/promises';
import { GiB, MiB } from '../../core/sizes.ts';
import type { Peer } from '../peer.ts';
import { deltaPeer } from './delta-peer.ts';

/** No window may be larger. */
const MAX_SOURCE_WINDOW = 2 * GiB;
const MAX_TARGET_WINDOW = 16 * MiB;

export const xdelta3: Peer = xdelta('xdelta3', 'djw', ['-S', 'djw']);
export const xdelta3Lzma: Peer = xdelta('xdelta3-lzma', 'LZMA', ['-S', 'lzma', '-I', '0']);

function xdelta(name: string, coder: string, options: readonly string[]): Peer {
  return deltaPeer({
    name,
    title: `xdelta3 -9, full window, ${coder}`,
    programs: [{ command: 'xdelta3', versionArgs: ['-V'], install: 'apt-get install xdelta3' }],
    encode: async ({ old, image, patch, run }) => {
      const windows = ['-B', await sourceWindow(old), '-W', String(MAX_TARGET_WINDOW)];
      // An empty header: else the patch holds the names of the files, and its size depends on them.
      await run('xdelta3', ['-e', '-f', '-9', ...options, '-A=', ...windows, '-s', old, image, patch]);
    },
    apply: async ({ old, patch, output, run }) =>
      run('xdelta3', ['-d', '-f', '-B', await sourceWindow(old), '-s', old, patch, output]),
  });
}

async function sourceWindow(old: string): Promise<string> {
  return String(Math.min(Math.max((await stat(old)).size, MiB), MAX_SOURCE_WINDOW));
}
