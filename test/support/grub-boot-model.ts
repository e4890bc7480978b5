/**
 * The decisions of a GRUB boot script with ORDER, OK and TRY: takes the first slot that is OK and not tried, notes
 * the try, and saves. GRUB writes into the file in place. With no slot left it would start a rescue system.
 *
 * @module
 */
import { readFile, writeFile } from 'node:fs/promises';
import {
  decodeGrubEnvironment,
  encodeGrubEnvironment,
  grubVariable,
  withGrubVariables,
} from '../../src/device/boot/grub-environment.ts';

/** Starts a slot by the environment block at `path`. */
export async function grubBoot(path: string): Promise<string | undefined> {
  const environment = decodeGrubEnvironment(await readFile(path));
  const of = (name: string): string => grubVariable(environment, name) ?? '0';
  const chosen = of('ORDER')
    .split(' ')
    .find((slot) => of(`${slot}_OK`) === '1' && of(`${slot}_TRY`) === '0');
  if (chosen === undefined) return undefined;
  const counted = withGrubVariables(environment, { [`${chosen}_TRY`]: '1' });
  await writeFile(path, encodeGrubEnvironment(counted), { flag: 'r+' });
  return chosen;
}
