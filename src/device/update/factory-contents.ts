/**
 * What a device came with: nothing has told silt, so the slot that runs is compared with the release. A device that
 * holds it already need not install it once more and restart for it. A system that is mounted writable has changed
 * since, and is none that is known.
 *
 * @module
 */
import type { Manifest } from '../../format/manifest.ts';
import { digestOnMedium } from '../../io/medium-digest.ts';
import type { BootSlot } from '../boot/boot-loader.ts';
import { startedComponents } from './choose-slots.ts';
import type { DeviceState } from './device-state.ts';
import type { UpdateRun } from './update-run.ts';

/**
 * The components in slots whose bytes are those of `manifest`. Reads each image once; what cannot be read is not
 * known.
 *
 * @throws the reason of the signal
 */
export async function factoryContents(
  run: UpdateRun,
  { images, version, counter }: Manifest,
  running: BootSlot | undefined,
): Promise<DeviceState['installed']> {
  const components: NonNullable<DeviceState['installed']>['components'] = {};
  for (const { name, image, slots } of startedComponents(run.device.components)) {
    const expected = images.find((each) => each.name === image);
    const place = slots?.find(({ boot }) => boot !== undefined && boot === running);
    if (expected === undefined || place === undefined) continue;
    const { size, sha256 } = expected;
    try {
      const found = await digestOnMedium(place.device, size, { signal: run.signal });
      if (found.size >= size && found.sha256 === sha256) components[name] = { version, size, sha256 };
    } catch {
      run.signal?.throwIfAborted();
    }
  }
  return { version, counter, at: 0, components };
}
