/**
 * A small configuration of a device that is right, to be made wrong by tests.
 *
 * @module
 */

import { formatFinding } from '../../src/device/config/findings.ts';
import { type CheckedConfig, checkConfig } from '../../src/device/config/parse-config.ts';

/** By the names of its members; each a line or more of YAML. */
const sampleMembers: Readonly<Record<string, string>> = {
  device: 'device: { id: gw-1, hardware: imx8 }',
  product: 'product: gateway',
  repositories: 'repositories: [https://updates.example.com/]',
  trust: 'trust: { root: root.json }',
  components: `components:
  - name: rootfs
    installer:
      type: slots
      slots:
        - { device: /dev/mmcblk0p2, boot: A }
        - { device: /dev/mmcblk0p3, boot: B }`,
  bootLoader: 'bootLoader: { type: grub }',
  hooks: 'hooks: { health: { command: [/bin/true] } }',
};

/** The text, one member after the other; what is replaced by an empty text is left out. */
export function sampleConfig(changes: Readonly<Record<string, string>> = {}): string {
  const lines = Object.values({ ...sampleMembers, ...changes }).filter((text) => text !== '');
  return `${lines.join('\n')}\n`;
}

/** Checks it as `/etc/silt/device.yaml`. */
export function checkSample(changes: Readonly<Record<string, string>> = {}): CheckedConfig {
  return checkConfig(sampleConfig(changes), { path: '/etc/silt/device.yaml' });
}

/** Its mistakes as lines, `d.yaml:1:2: …`. */
export function mistakesOf(changes: Readonly<Record<string, string>>): string[] {
  return checkSample(changes).mistakes.map((mistake) => formatFinding('d.yaml', mistake));
}

/** Its warnings as lines. */
export function warningsOf(changes: Readonly<Record<string, string>>): string[] {
  return checkSample(changes).warnings.map((warning) => formatFinding('d.yaml', warning));
}
