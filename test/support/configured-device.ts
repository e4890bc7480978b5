/**
 * Parts of a device as the text of a configuration describes them.
 *
 * @module
 */
import { join } from 'node:path';
import type { DeviceConfig } from '../../src/device/config/device-config.ts';
import { parseConfig } from '../../src/device/config/parse-config.ts';
import { sampleConfig } from './sample-config.ts';

/** The configuration with these members instead of those of the sample; its paths begin in `directory`. */
export function configIn(directory: string, changes: Readonly<Record<string, string>>): DeviceConfig {
  return parseConfig(sampleConfig(changes), { path: join(directory, 'device.yaml'), directory }).config;
}

/** Two slots that are files. */
export const TWO_SLOTS = `components:
  - name: rootfs
    installer: { type: slots, slots: [{ device: slot-a, boot: A }, { device: slot-b, boot: B }] }`;

/** One component with this installer, a flow mapping of YAML. */
export function oneComponent(installer: string): string {
  return `components: [{ name: part, installer: ${installer} }]`;
}
