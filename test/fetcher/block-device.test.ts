import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { SourceFile } from '../../src/io/source-file.ts';
import { TargetFile } from '../../src/io/target-file.ts';
import { addsUp } from '../support/adds-up.ts';
import { holdsImage } from '../support/holds-image.ts';
import { loopDevice } from '../support/loop-device.ts';
import { NEW_DATA, newImage, oldImage } from '../support/release-images.ts';
import { fetchFrom } from '../support/release-repository.ts';
import { repositoryTest } from '../support/repository-test.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const test = repositoryTest({ old: oldImage, new: newImage });

const OLD = { selector: { version: 'old' } } as const;

function holds(device: string, image: Uint8Array): boolean {
  using file = SourceFile.open(device);
  const found = new Uint8Array(image.length);
  return file.read(0, found) === image.length && Buffer.compare(found, image) === 0;
}

test('two slots take turns, each the seed of the other', async (t) => {
  const stateDirectory = join(await temporaryDirectory(t), 'state');
  const a = await loopDevice(t, 5 * MiB);
  if (a === undefined) return;
  const b = await loopDevice(t, 6 * MiB);
  if (b === undefined) return;
  const install = await fetchFrom(t.context.repository, { ...OLD, output: a, stateDirectory });
  t.true(holds(a, oldImage));
  t.true(addsUp(install));
  const phases = new Set<string>();
  const onProgress = ({ phase }: { phase: string }) => void phases.add(phase);
  const options = { output: b, seeds: [a], stateDirectory, onProgress };
  const update = await fetchFrom(t.context.repository, options);
  t.true(holds(b, newImage));
  t.true(holds(a, oldImage));
  t.true(update.dataBytes < NEW_DATA + 256 * KiB, `${update.dataBytes}`);
  const again = await fetchFrom(t.context.repository, { output: b, stateDirectory });
  t.true(again.upToDate, 'what lies behind the image does not matter');
  t.is(again.bytesWritten, 0);
  // The slot was written to since its index was saved.
  const file = TargetFile.open(a, false);
  file.write(0, newImage.subarray(0, 3 * MiB));
  file.close();
  const third = await fetchFrom(t.context.repository, { ...OLD, output: b, seeds: [a], stateDirectory });
  t.true(holds(b, oldImage));
  t.true(addsUp(third));
});

test('a device that is too small is refused before anything is written', async (t) => {
  const device = await loopDevice(t, 3 * MiB);
  if (device === undefined) return;
  for (const dryRun of [true, false]) {
    const action = () => fetchFrom(t.context.repository, { output: device, dryRun });
    const error = await throwsSilt(t, action, 'TARGET_INVALID');
    t.regex(error.message, /too small/);
    t.like(error.details, { expected: newImage.length, found: 3 * MiB });
  }
  t.true(holds(device, new Uint8Array(3 * MiB)));
});

test('the device that is written is refused as its own seed, under any name', async (t) => {
  const device = await loopDevice(t, 5 * MiB);
  if (device === undefined) return;
  const alias = join(await temporaryDirectory(t), 'slot');
  await symlink(device, alias);
  for (const [output, seed] of [
    [device, device],
    [device, alias],
    [alias, device],
  ] as const) {
    const action = () => fetchFrom(t.context.repository, { output, seeds: [seed] });
    t.regex((await throwsSilt(t, action, 'USAGE')).message, /the target is a seed by itself/);
  }
});

test('a file is made from a device, and a device from a file', async (t) => {
  const directory = await temporaryDirectory(t);
  const device = await loopDevice(t, 5 * MiB);
  if (device === undefined) return;
  const [seed, output] = [join(directory, 'seed'), join(directory, 'image')];
  await writeFile(seed, oldImage);
  const onto = await fetchFrom(t.context.repository, { output: device, seeds: [seed] });
  t.true(holds(device, newImage));
  t.true(onto.dataBytes < NEW_DATA + 256 * KiB);
  const from = await fetchFrom(t.context.repository, { output, seeds: [device] });
  await holdsImage(t, output, newImage);
  t.true(from.dataBytes < NEW_DATA + 64 * KiB, `${from.dataBytes}`);
});
