import { appendFile, copyFile, link, rename, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { SteadyImage } from '../../src/publisher/steady-image.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const changes: Readonly<Record<string, (path: string) => Promise<void>>> = {
  'grew by a byte': (path) => appendFile(path, 'x'),
  'lost a byte': (path) => truncate(path, 999),
  'was touched': (path) => utimes(path, 1, 1),
  'was replaced by another': async (path) => {
    await writeFile(`${path}.new`, seededBytes('other', 1000));
    await rename(`${path}.new`, path);
  },
  'was replaced by its copy': async (path) => {
    await copyFile(path, `${path}.copy`);
    await rename(`${path}.copy`, path);
  },
  'was removed': (path) => rm(path),
};

for (const [what, change] of Object.entries(changes)) {
  test(`an image that ${what} has changed`, async (t) => {
    const path = join(await temporaryDirectory(t), 'image');
    await writeFile(path, seededBytes('steady', 1000));
    using image = SteadyImage.open(path);
    image.requireUnchanged();
    await change(path);
    const error = await throwsSilt(t, async () => image.requireUnchanged(), 'IMAGE_CHANGED');
    t.like(error.details, { path });
  });
}

test('an image that was read, or linked, has not changed', async (t) => {
  const path = join(await temporaryDirectory(t), 'image');
  await writeFile(path, seededBytes('steady', 1000));
  using image = SteadyImage.open(path);
  await copyFile(path, `${path}.copy`);
  await link(path, `${path}.link`);
  t.notThrows(() => image.requireUnchanged());
});

test('what cannot be opened is no image', async (t) => {
  const directory = await temporaryDirectory(t);
  await throwsSilt(t, async () => SteadyImage.open(join(directory, 'missing')), 'IMAGE_UNREADABLE');
  await throwsSilt(t, async () => SteadyImage.open(directory), 'IMAGE_UNREADABLE');
});
