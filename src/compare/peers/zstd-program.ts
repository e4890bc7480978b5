/**
 * zstd as several peers need it.
 *
 * @module
 */
import type { Program } from '../peer.ts';

export const ZSTD: Program = { command: 'zstd', versionArgs: ['--version'], install: 'apt-get install zstd' };
