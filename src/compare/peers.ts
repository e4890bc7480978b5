/**
 * The tools that a benchmark can run, and choosing some of them by name.
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';
import type { Peer } from './peer.ts';
import { bita } from './peers/bita.ts';
import { bsdiff } from './peers/bsdiff.ts';
import { casync16k, casync64k } from './peers/casync.ts';
import { desync16k, desync64k } from './peers/desync.ts';
import { full } from './peers/full.ts';
import { hdiffz, hdiffzLzma } from './peers/hdiffpatch.ts';
import { ostree } from './peers/ostree.ts';
import { rdiff } from './peers/rdiff.ts';
import { siltPeers } from './peers/silt.ts';
import { xdelta3, xdelta3Lzma } from './peers/xdelta3.ts';
import { zchunk } from './peers/zchunk.ts';
import { zstdPatch, zstdPatchFast } from './peers/zstd-patch.ts';
import { zsync, zsyncGzip } from './peers/zsync.ts';

/**
 * silt first, then what works from any seed, then deltas, then the whole image.
 *
 * @param siltCommand what starts silt here, such as `['node', 'dist/cli/main.js']`
 */
export function allPeers(siltCommand: readonly string[]): readonly Peer[] {
  return [
    ...siltPeers(siltCommand),
    ...[casync64k, casync16k, desync64k, desync16k, bita, zchunk, zsync, zsyncGzip],
    ...[hdiffzLzma, hdiffz, bsdiff, xdelta3, xdelta3Lzma, zstdPatch, zstdPatchFast, rdiff, ostree],
    full,
  ];
}

/**
 * Those of `all` that `names` name, in the order of `all`: by their full name, or several by the beginning of
 * theirs, as `casync` means `casync-64k` and `casync-16k`.
 *
 * @throws SiltError USAGE for a name that means none
 */
export function choosePeers(all: readonly Peer[], names: readonly string[]): readonly Peer[] {
  const chosen = new Set(names.flatMap((name) => meantBy(all, name)));
  return all.filter((peer) => chosen.has(peer));
}

function meantBy(all: readonly Peer[], name: string): readonly Peer[] {
  const exact = all.filter((peer) => peer.name === name);
  const meant = exact.length > 0 ? exact : all.filter((peer) => peer.name.startsWith(`${name}-`));
  if (meant.length > 0) return meant;
  const known = all.map((peer) => peer.name).join(', ');
  throw new SiltError('USAGE', `expected the name of a peer, found "${name}"; there are: ${known}`, {
    details: { name },
  });
}
