/**
 * silt as a delta tool: `silt delta diff` and `silt delta patch`, with their defaults.
 *
 * @module
 */
import type { Peer } from '../../src/compare/peer.ts';
import { deltaPeer } from '../../src/compare/peers/delta-peer.ts';

/** The row of silt. */
export const SILT = 'silt';

/** @param command what starts silt, such as `['node', 'dist/cli/main.js']` */
export function siltDelta(command: readonly string[]): Peer {
  const [program = 'silt', ...before] = command;
  return deltaPeer({
    name: SILT,
    title: 'silt delta',
    programs: [{ command: program, versionArgs: [...before, '--version'], install: 'npm run build' }],
    encode: ({ old, image, patch, run }) =>
      run(program, [...before, 'delta', 'diff', '--quiet', old, image, patch]),
    apply: ({ old, patch, output, run }) =>
      run(program, [...before, 'delta', 'patch', '--quiet', old, patch, output]),
  });
}
