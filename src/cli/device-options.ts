/**
 * The options that say what this device is, and what it may not have.
 *
 * @module
 */
import type { Command } from 'commander';
import { checkRelease } from '../fetcher/check-release.ts';
import { openFloor } from '../trust/floor.ts';
import type { TrustedRelease } from '../trust/releases.ts';
import { floorDirectory } from './commands/floor.ts';
import { parseCount } from './options.ts';
import { packageVersion } from './package-version.ts';

export interface DeviceFlags {
  readonly hardware?: string;
  readonly variant?: string;
  readonly installed?: number;
}

export function withDeviceOptions(command: Command): Command {
  return command
    .option('--hardware <name>', 'what this device is, for releases that are for some hardware only')
    .option('--variant <name>', 'and which variant of it')
    .option(
      '--installed <counter>',
      'counter of the release that runs, 0 for none; by default the floor',
      parseCount('--installed', 0),
    );
}

/**
 * The check of a release against this device, with the floor as it is now.
 *
 * @throws SiltError FLOOR_DAMAGED
 */
export async function deviceCheck(
  flags: DeviceFlags,
  stateDirectory: string,
  product: string,
): Promise<(release: TrustedRelease) => Promise<void>> {
  const floor = await openFloor(floorDirectory(stateDirectory)).read(product);
  const { hardware, variant, installed } = flags;
  const facts = {
    siltVersion: packageVersion(),
    floor,
    ...(hardware !== undefined && { hardware }),
    ...(variant !== undefined && { variant }),
    ...(installed !== undefined && { installedCounter: installed }),
  };
  return async (release) => checkRelease(release, facts);
}
