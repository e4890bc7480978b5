import { cp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { isSiltError } from '../../src/core/errors.ts';
import { KiB } from '../../src/core/sizes.ts';
import { holdsImage } from '../support/holds-image.ts';
import { fetchFrom } from '../support/release-repository.ts';
import { repositoryTest } from '../support/repository-test.ts';
import { seededBytes, seededRandom } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** A repository whose objects are damaged where they lie, so that asking again does not help. */

const image = seededBytes('damage', 500 * KiB);
const BEFORE = Buffer.from('the image that was there before');

const test = repositoryTest({ new: image });

type Damage = (bytes: Buffer, at: number) => Buffer;

const damages: Readonly<Record<string, Damage>> = {
  truncated: (bytes, at) => bytes.subarray(0, at),
  extended: (bytes, at) => Buffer.concat([bytes, bytes.subarray(at), Buffer.from('more')]),
  'bit-flipped': (bytes, at) => {
    const copy = Buffer.from(bytes);
    copy[at] = (copy[at] ?? 0) ^ (1 << (at % 8));
    return copy;
  },
  zeroed: (bytes, at) => Buffer.from(bytes).fill(0, at, Math.min(bytes.length, at + 512)),
  replaced: (bytes) => Buffer.from(seededBytes('another object', bytes.length)),
};

/** Each kind of object, and what damage to it may be called. */
const kinds: readonly (readonly [folder: string, codes: readonly string[]])[] = [
  [
    'metadata',
    ['FORMAT_INVALID', 'FORMAT_UNSUPPORTED', 'DIGEST_MISMATCH', 'OBJECT_MISSING', 'RELEASE_NOT_FOUND'],
  ],
  ['targets/router', ['DIGEST_MISMATCH']],
  ['indexes', ['DIGEST_MISMATCH', 'RANGE_INVALID']],
  ['packs', ['DIGEST_MISMATCH', 'RANGE_INVALID']],
];

async function pathOf(repository: string, folder: string): Promise<string> {
  const [name = ''] = await readdir(join(repository, folder));
  return join(repository, folder, name);
}

/** Fetches; true when the image came out, false for an error among `codes`, and nothing else may happen. */
async function comesOut(
  t: ExecutionContext,
  repository: string,
  codes: readonly string[],
  what: string,
): Promise<boolean> {
  const output = join(await temporaryDirectory(t), 'image');
  await writeFile(output, BEFORE);
  try {
    await fetchFrom(repository, { output });
  } catch (error) {
    t.true(isSiltError(error) && codes.includes(error.code), `${what}: ${error}`);
    await holdsImage(t, output, BEFORE, what);
    return false;
  }
  await holdsImage(t, output, image, what);
  return true;
}

for (const [folder, codes] of kinds) {
  for (const [how, damage] of Object.entries(damages)) {
    test(`an object of ${folder} that is ${how} is found out, or does not matter`, async (t) => {
      const repository = join(await temporaryDirectory(t), 'repository');
      await cp(t.context.repository, repository, { recursive: true });
      const path = await pathOf(repository, folder);
      const whole = await readFile(path);
      const random = seededRandom(folder.length * 100 + how.length);
      let foundOut = 0;
      for (let round = 0; round < 6; round++) {
        const at = Math.floor(random() * whole.length);
        await writeFile(path, damage(whole, at));
        if (!(await comesOut(t, repository, codes, `${how} at ${at} of ${whole.length}`))) foundOut += 1;
      }
      // What is appended to index and pack is never looked at, nor is the pack's own trailer.
      if (how !== 'extended') t.true(foundOut >= (how === 'replaced' ? 6 : 1), `${foundOut}`);
      await writeFile(path, whole);
      t.true(await comesOut(t, repository, [], 'put right'));
    });
  }
}

test('an object that is empty or gone is one clear error', async (t) => {
  for (const [folder, codes] of kinds) {
    const repository = join(await temporaryDirectory(t), 'repository');
    await cp(t.context.repository, repository, { recursive: true });
    const path = await pathOf(repository, folder);
    await truncate(path, 0);
    t.false(await comesOut(t, repository, codes, `${folder} empty`));
    await rm(path);
    t.false(await comesOut(t, repository, ['OBJECT_MISSING', 'NOT_A_REPOSITORY'], `${folder} gone`));
  }
});

test('every byte that a fetch depends on is looked at', async (t) => {
  const repository = join(await temporaryDirectory(t), 'repository');
  await cp(t.context.repository, repository, { recursive: true });
  for (const [folder, codes] of kinds.slice(1)) {
    const path = await pathOf(repository, folder);
    const whole = await readFile(path);
    const random = seededRandom(whole.length);
    // The frames of the pack end where its trailer begins.
    const end = folder === 'packs' ? 500 * KiB : whole.length;
    for (let round = 0; round < 10; round++) {
      const at = Math.floor(random() * (end - 10)) + (folder === 'packs' ? 10 : 0);
      await writeFile(path, damages['bit-flipped']?.(whole, at) ?? whole);
      t.false(await comesOut(t, repository, codes, `${folder} ${at}`));
    }
    await writeFile(path, whole);
  }
});
