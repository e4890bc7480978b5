/**
 * fw_printenv and fw_setenv of libubootenv as a second opinion on the environment of U-Boot. Tests that need
 * them are skipped by name where they are missing, except with CI=true; scripts/provision-device.sh installs them.
 *
 * @module
 */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { findProgram } from '../../src/compare/find-program.ts';
import type { UbootPlaces } from '../../src/device/boot/uboot-places.ts';

const isMissing = ['fw_printenv', 'fw_setenv'].some((name) => findProgram(name, process.env) === undefined);

/** A test that needs them. */
export const ubootToolsTest = isMissing && process.env.CI !== 'true' ? test.skip : test;

const run = promisify(execFile);

/** The text of a fw_env.config for the places. */
export function fwEnvConfig({ copies, size, sectorSize }: UbootPlaces): string {
  const more = sectorSize === undefined ? '' : ` 0x${sectorSize.toString(16)}`;
  return copies
    .map(({ path, offset }) => `${path} 0x${offset.toString(16)} 0x${size.toString(16)}${more}\n`)
    .join('');
}

/** Sets the variables by one call of fw_setenv, as one write; an empty environment where there is none. */
export async function fwSetenv(
  directory: string,
  places: UbootPlaces,
  variables: Readonly<Record<string, string>>,
): Promise<void> {
  const [config, defaults, script] = ['fw_env.config', 'defaults', 'script'].map((name) =>
    join(directory, name),
  ) as [string, string, string];
  await writeFile(config, fwEnvConfig(places));
  await writeFile(defaults, '# none\n');
  await writeFile(
    script,
    Object.entries(variables)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
    'latin1',
  );
  await run('fw_setenv', ['-c', config, '-f', defaults, '-s', script]);
}

/** What fw_printenv says, sorted by name; values have no line breaks. `undefined` when it finds no environment. */
export async function fwPrintenv(
  directory: string,
  places: UbootPlaces,
): Promise<[string, string][] | undefined> {
  const config = join(directory, 'fw_env.config');
  await writeFile(config, fwEnvConfig(places));
  // Without a default environment it fails where both copies are broken.
  const defaults = join(directory, 'no-defaults');
  const result = await run('fw_printenv', ['-c', config, '-f', defaults], { encoding: 'latin1' }).catch(
    (error: { code?: unknown }) => {
      // A number is its exit status; anything else, and it did not run.
      if (typeof error.code === 'number') return undefined;
      throw error;
    },
  );
  if (result === undefined) return undefined;
  return result.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line): [string, string] => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}
