/**
 * What of a release goes to which component, and what of it is there already.
 *
 * @module
 */
import { SiltError } from '../../core/errors.ts';
import type { Manifest } from '../../format/manifest.ts';
import { startedComponents } from './choose-slots.ts';
import type { Component } from './device.ts';
import type { DeviceState, UpdatePart } from './device-state.ts';

/**
 * The parts of an update in declared order. A component that the release has no image for stays as it is, unless
 * others are started together with it.
 *
 * @param installed what the components hold, as it was when they were found healthy
 * @throws SiltError NOT_COMPATIBLE when the release has nothing for this device, or not all that starts together
 */
export function planParts(
  manifest: Manifest,
  components: readonly Component[],
  installed: DeviceState['installed'],
): UpdatePart[] {
  const named = `${manifest.product} ${manifest.version}`;
  const parts = components.flatMap((component): UpdatePart[] => {
    const image = manifest.images.find(({ name }) => name === component.image);
    if (image === undefined) return [];
    const there = installed?.components[component.name];
    const same = there?.sha256 === image.sha256 && there.size === image.size;
    return [{ component: component.name, image: image.name, size: image.size, sha256: image.sha256, same }];
  });
  if (parts.length === 0) {
    const has = manifest.images.map(({ name }) => name).join(', ');
    const wanted = components.map(({ image }) => image).join(', ');
    throw new SiltError(
      'NOT_COMPATIBLE',
      `${named} has the images ${has}, and the components of this device want ${wanted}; name the image in the configuration or in the release`,
    );
  }
  const started = startedComponents(components);
  const startedParts = parts.filter(({ component }) => started.some(({ name }) => name === component));
  if (startedParts.length > 0 && startedParts.length < started.length) {
    const missing = started.filter(({ name }) => !startedParts.some(({ component }) => component === name));
    throw new SiltError(
      'NOT_COMPATIBLE',
      `${named} has no image for ${missing.map(({ name }) => name).join(', ')}, which start together with ${startedParts.map(({ component }) => component).join(', ')}; publish all of them in one release`,
    );
  }
  // The other slot holds something older: all that starts together is written, or nothing.
  const allSame = startedParts.every(({ same }) => same);
  return parts.map((part) => (startedParts.includes(part) ? { ...part, same: allSame } : part));
}
