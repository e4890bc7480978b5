/**
 * An environment of U-Boot in a file, twice, for tests of what becomes of it.
 *
 * @module
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { encodeEnvironment, type UbootVariables } from '../../src/device/boot/uboot-environment.ts';
import type { UbootPlaces } from '../../src/device/boot/uboot-places.ts';
import { newerCopy } from '../../src/device/boot/uboot-storage.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** Of one copy, in bytes. */
export const SIZE = 512;
export const OLDER = new Map([
  ['state', 'older'],
  ['keep', 'me'],
]);
export const OLD = new Map([
  ['state', 'old'],
  ['keep', 'me'],
]);

/** A change of one variable. */
export const set =
  (name: string, value: string) =>
  (variables: UbootVariables): UbootVariables =>
    new Map([...variables, [name, value]]);

/** A file with two copies, the second one newer unless the generations say otherwise; the newer one has OLD. */
export async function twoCopies(
  t: ExecutionContext<unknown>,
  [first, second]: readonly [number, number] = [6, 7],
  older: UbootVariables = OLDER,
): Promise<{ path: string; places: UbootPlaces }> {
  const path = join(await temporaryDirectory(t), 'env');
  const isFirstNewer = newerCopy(first, second) === 0;
  await writeFile(path, [
    encodeEnvironment({ generation: first, variables: isFirstNewer ? OLD : older }, SIZE),
    encodeEnvironment({ generation: second, variables: isFirstNewer ? older : OLD }, SIZE),
  ]);
  return {
    path,
    places: {
      copies: [
        { path, offset: 0 },
        { path, offset: SIZE },
      ],
      size: SIZE,
    },
  };
}
