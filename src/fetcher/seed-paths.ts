/**
 * Which files are seeds: those that were named, the file that will be replaced, and never the target itself.
 *
 * @module
 */
import { type BigIntStats, statSync } from 'node:fs';
import { SiltError } from '../core/errors.ts';
import { ioError } from '../io/io-error.ts';

export interface SeedPath {
  readonly path: string;
  /** It lies where the image is to go. */
  readonly isOutput: boolean;
  /** Somebody asked for it, and wants to hear if it is of no use. */
  readonly isNamed: boolean;
}

/**
 * The seeds in the order in which they are looked into, each file once.
 *
 * @param seeds as the user named them
 * @param output the file that will be replaced, if there is one
 * @param target the file or device that is written
 * @throws SiltError SEED_INVALID when one is missing or neither file nor block device, USAGE when one is the target
 */
export function listSeeds(
  seeds: readonly string[],
  output: string | undefined,
  target: string | undefined,
): SeedPath[] {
  const targetIdentity = target === undefined ? undefined : identityOf(target);
  const outputIdentity = output === undefined ? undefined : identityOf(output);
  const found = new Map<string, SeedPath>();
  for (const path of seeds) {
    const identity = identityOf(path);
    if (identity === undefined) {
      throw new SiltError(
        'SEED_INVALID',
        `cannot use the seed ${path}: there is no such file or block device`,
        {
          details: { path },
        },
      );
    }
    if (identity === targetIdentity) {
      throw new SiltError(
        'USAGE',
        `${path} is the target, and the target is a seed by itself; leave it out`,
        {
          details: { path },
        },
      );
    }
    if (found.has(identity)) continue;
    found.set(identity, { path, isOutput: identity === outputIdentity, isNamed: true });
  }
  if (output !== undefined && outputIdentity !== undefined && !found.has(outputIdentity)) {
    found.set(outputIdentity, { path: output, isOutput: true, isNamed: false });
  }
  return [...found.values()];
}

/** The same for every name of a file or device; `undefined` when there is neither. */
function identityOf(path: string): string | undefined {
  let stats: BigIntStats | undefined;
  try {
    stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    throw ioError(error, 'look at', path);
  }
  if (stats === undefined || !(stats.isFile() || stats.isBlockDevice())) return undefined;
  return stats.isBlockDevice() ? `device ${stats.rdev}` : `${stats.dev} ${stats.ino}`;
}
