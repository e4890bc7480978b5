/**
 * A desk with one slot and a rescue system.
 *
 * @module
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { SiltError } from '../../src/core/errors.ts';
import { SlotInstaller } from '../../src/device/installers/slot-installer.ts';
import type { Component } from '../../src/device/update/device.ts';
import { type DeskOptions, deskComponents } from './desk-device.ts';
import { type UpdatingDesk, updatingDesk } from './updating-desk.ts';

/** The slot `main` is the file A of the desk; nothing is ever written to the rescue system. */
function components(root: string): readonly Component[] {
  const [motor, , app] = deskComponents(root);
  const rootfs: Component = {
    name: 'rootfs',
    image: 'rootfs',
    slots: [
      { boot: 'main', device: join(root, 'slots', 'A'), rescue: false },
      { boot: 'rescue', device: join(root, 'slots', 'rescue'), rescue: true },
    ],
    installer(slots) {
      if (slots === undefined) throw new SiltError('INTERNAL', 'expected slots');
      return new SlotInstaller(slots);
    },
  };
  return [motor, rootfs, app].filter((component) => component !== undefined);
}

export async function rescueDesk(
  t: ExecutionContext<unknown>,
  options: Partial<DeskOptions> = {},
): Promise<UpdatingDesk> {
  const desk = await updatingDesk(t, { components, slots: ['main', 'rescue'], ...options });
  writeFileSync(join(desk.root, 'slots', 'rescue'), 'the rescue system');
  return desk;
}
