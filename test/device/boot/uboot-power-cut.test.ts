/**
 * A change of the environment, cut off: before every byte, and with its sectors on the medium in any combination.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { encodeEnvironment } from '../../../src/device/boot/uboot-environment.ts';
import type { UbootPlaces } from '../../../src/device/boot/uboot-places.ts';
import { UbootStorage } from '../../../src/device/boot/uboot-storage.ts';
import { seededRandom } from '../../support/seeded-bytes.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { OLD, OLDER, SIZE, set, twoCopies } from '../../support/two-uboot-copies.ts';

/** Holds every state to being the old environment or the new one, and to coming to the new one at the next run. */
function holdsOldOrNew(
  t: ExecutionContext<unknown>,
  places: UbootPlaces,
  path: string,
  states: Buffer[],
): void {
  const seen = new Set<string>();
  for (const state of states) {
    writeFileSync(path, state);
    const storage = UbootStorage.open(places);
    const found = storage.read();
    const name = found.get('state') ?? 'none';
    seen.add(name);
    if (name === 'old') t.deepEqual(found, OLD);
    else
      t.deepEqual(
        [...found],
        [
          ['state', 'new'],
          ['keep', 'me'],
        ],
      );
    storage.update(set('state', 'new'));
    if (storage.read().get('state') !== 'new') t.fail('the next run did not come to the new environment');
  }
  t.deepEqual([...seen].sort(), ['new', 'old']);
}

for (const [which, generations] of [
  ['first copy', [6, 7]],
  ['second copy', [8, 7]],
  ['first copy after generation 255', [254, 255]],
] as const) {
  for (const [kind, older] of [
    ['other variables', OLDER],
    [
      'the very variables that are written',
      new Map([
        ['state', 'new'],
        ['keep', 'me'],
      ]),
    ],
  ] as const) {
    test(`a write of the ${which} over ${kind}, torn at any byte, is the old or the new environment`, async (t) => {
      const { path, places } = await twoCopies(t, generations, older);
      const before = readFileSync(path);
      UbootStorage.open(places).update(set('state', 'new'));
      const after = readFileSync(path);
      const at = which === 'second copy' ? SIZE : 0;
      const states = Array.from({ length: SIZE + 1 }, (_, cut) =>
        Buffer.concat([after.subarray(0, at + cut), before.subarray(at + cut)]),
      );
      holdsOldOrNew(t, places, path, states);
    });
  }
}

test('sectors that reach the medium in any order are the old or the new environment', async (t) => {
  const sector = 512;
  const size = 8 * sector;
  const path = join(await temporaryDirectory(t), 'env');
  const places: UbootPlaces = {
    copies: [
      { path, offset: 0 },
      { path, offset: size },
    ],
    size,
  };
  const random = seededRandom(7);
  const long = (from: string) =>
    Array.from({ length: 40 }, (_, index): [string, string] => [
      `v${index}`,
      from.repeat(1 + Math.floor(random() * 80)),
    ]);
  await writeFile(path, [
    encodeEnvironment({ generation: 1, variables: new Map(long('x')) }, size),
    encodeEnvironment({ generation: 2, variables: new Map(long('y')) }, size),
  ]);
  const before = readFileSync(path);
  const old = UbootStorage.open(places).read();
  UbootStorage.open(places).update(() => new Map(long('z')));
  const after = readFileSync(path);
  const fresh = UbootStorage.open(places).read();
  for (let subset = 0; subset < 256; subset += 1) {
    const state = Buffer.from(before);
    for (let index = 0; index < 8; index += 1) {
      if ((subset >> index) & 1) after.copy(state, index * sector, index * sector, (index + 1) * sector);
    }
    writeFileSync(path, state);
    t.deepEqual(UbootStorage.open(places).read(), state.equals(after) ? fresh : old, `subset ${subset}`);
  }
});
