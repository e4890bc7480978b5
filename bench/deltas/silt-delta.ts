/**
 * silt as a delta tool: `silt delta diff` and `silt delta patch` with their defaults, and with the entropy stage
 * that makes larger deltas and patches in less time.
 *
 * @module
 */
import type { Peer } from '../../src/compare/peer.ts';
import { deltaPeer } from '../../src/compare/peers/delta-peer.ts';

/** The row of silt with its defaults. */
export const SILT = 'silt';
const SILT_GENERAL = 'silt-general';

/** Whether a row is one of silt's. */
export function isSilt(tool: string): boolean {
  return tool === SILT || tool === SILT_GENERAL;
}

/** @param command what starts silt, such as `['node', 'dist/cli/main.js']` */
export function siltDeltas(command: readonly string[]): Peer[] {
  return [
    siltDelta(command, SILT, 'silt delta', []),
    siltDelta(command, SILT_GENERAL, 'silt delta, --entropy general', ['--entropy', 'general']),
  ];
}

function siltDelta(
  command: readonly string[],
  name: string,
  title: string,
  options: readonly string[],
): Peer {
  const [program = 'silt', ...before] = command;
  return deltaPeer({
    name,
    title,
    programs: [{ command: program, versionArgs: [...before, '--version'], install: 'npm run build' }],
    encode: ({ old, image, patch, run }) =>
      run(program, [...before, 'delta', 'diff', '--quiet', ...options, old, image, patch]),
    apply: ({ old, patch, output, run }) =>
      run(program, [...before, 'delta', 'patch', '--quiet', old, patch, output]),
  });
}
