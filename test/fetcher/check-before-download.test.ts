import { execFileSync } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { checkRelease, type DeviceFacts } from '../../src/fetcher/check-release.ts';
import type { TrustedRelease } from '../../src/trust/releases.ts';
import { holdsImage } from '../support/holds-image.ts';
import { newImage, oldImage } from '../support/release-images.ts';
import { serveRepository } from '../support/release-repository.ts';
import { repositoryTest } from '../support/repository-test.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const test = repositoryTest({ old: oldImage, new: newImage });

const checking = (facts: Partial<DeviceFacts>) => (release: TrustedRelease) =>
  checkRelease(release, { siltVersion: '0.1.0', floor: 0, ...facts });

test('a refused release costs its metadata alone, and nothing is written', async (t) => {
  const directory = await temporaryDirectory(t);
  const { proxy, fetch } = await serveRepository(t, t.context.repository);
  const output = join(directory, 'image');
  const old = { selector: { version: 'old' }, output } as const;
  const rollout = { eligible: async () => ({ reason: 'paused' }) };
  const stateDirectory = join(directory, 'state');
  for (const dryRun of [true, false]) {
    const options = { ...old, stateDirectory, dryRun };
    await throwsSilt(t, () => fetch({ ...options, check: checking({ floor: 2 }) }), 'DOWNGRADE_REFUSED');
    await throwsSilt(t, () => fetch({ ...options, check: checking({ rollout }) }), 'NOT_ELIGIBLE');
  }
  t.is(proxy.count(/indexes|packs|deltas/).requests, 0);
  t.deepEqual(await readdir(directory), []);
  await fetch({ ...old, check: checking({ floor: 1 }) });
  await holdsImage(t, output, oldImage);
});

test('a refused release leaves the target in place as it was', async (t) => {
  const output = join(await temporaryDirectory(t), 'slot');
  await writeFile(output, newImage);
  const { proxy, fetch } = await serveRepository(t, t.context.repository);
  const old = { selector: { version: 'old' }, output, inPlace: true, check: checking({ floor: 2 }) } as const;
  await throwsSilt(t, () => fetch(old), 'DOWNGRADE_REFUSED');
  t.is(proxy.count(/indexes|packs|deltas/).requests, 0);
  await holdsImage(t, output, newImage);
});

test('a file in place that has no room to grow is refused before any data is fetched', async (t) => {
  const disk = join(await temporaryDirectory(t), 'disk');
  await mkdir(disk);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${MiB}`, 'tmpfs', disk], { stdio: 'pipe' });
  } catch (error) {
    t.log(`skipped: a full disk needs the right to mount a tmpfs (${String(error).split('\n')[0]})`);
    t.pass();
    return;
  }
  t.teardown(() => void execFileSync('umount', ['-l', disk]));
  const output = join(disk, 'slot');
  const before = oldImage.subarray(0, 100 * KiB);
  await writeFile(output, before);
  const { proxy, fetch } = await serveRepository(t, t.context.repository);
  const old = { selector: { version: 'old' }, output, inPlace: true } as const;
  const error = await throwsSilt(t, () => fetch(old), 'NO_SPACE');
  t.regex(error.message, /needed/);
  t.is(proxy.count(/packs|deltas/).requests, 0);
  await holdsImage(t, output, before);
});
