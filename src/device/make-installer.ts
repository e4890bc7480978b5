/**
 * The components that a configuration describes, each with its installer.
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';
import type { SlotDevice } from './booted-system.ts';
import type { ComponentConfig, InstallerConfig } from './config/component-members.ts';
import { CommandInstaller } from './installers/command-installer.ts';
import { debInstaller } from './installers/deb-installer.ts';
import { DirectoryInstaller } from './installers/directory-installer.ts';
import { FileInstaller } from './installers/file-installer.ts';
import type { Installer } from './installers/installer.ts';
import { ociInstaller } from './installers/oci-installer.ts';
import { SlotInstaller } from './installers/slot-installer.ts';
import type { Component, SlotPaths } from './update/device.ts';

/** The components in declared order. Nothing is opened or run before an installer is asked. */
export function makeComponents(components: readonly ComponentConfig[]): Component[] {
  return components.map((component): Component => {
    const { name, image, installer } = component;
    return {
      name,
      image,
      ...(installer.type === 'slots' && {
        slots: installer.slots.map(({ boot, device, role }) => ({ boot, device, rescue: role === 'rescue' })),
      }),
      installer: (slots) => makeInstaller(component, slots),
    };
  });
}

/** Every place that is started by a name. */
export function slotDevices(components: readonly Component[]): SlotDevice[] {
  return components.flatMap(({ slots = [] }) =>
    slots.flatMap(({ boot, device }) => (boot === undefined ? [] : [{ boot, device }])),
  );
}

/** @throws SiltError CONFIG_INVALID for a command with places that there are not */
function makeInstaller({ name, installer }: ComponentConfig, slots: SlotPaths | undefined): Installer {
  switch (installer.type) {
    case 'slots':
      if (slots === undefined) throw new SiltError('INTERNAL', `no slot of ${name} was chosen`);
      return new SlotInstaller(slots);
    case 'file':
      return new FileInstaller(installer);
    case 'directory':
      return new DirectoryInstaller(installer);
    case 'oci':
      return ociInstaller({ ...installer, ...commandLimits(installer) });
    case 'deb':
      return debInstaller({ ...installer, ...commandLimits(installer) });
    case 'command': {
      const { command, environment, timeouts } = installer;
      return new CommandInstaller({
        component: name,
        command,
        env: environment,
        limits: Object.fromEntries(Object.entries(timeouts).map(([verb, seconds]) => [verb, seconds * 1000])),
      });
    }
  }
}

type WithCommands = Extract<InstallerConfig, { readonly type: 'oci' | 'deb' }>;

function commandLimits({ timeout, environment }: WithCommands) {
  return { limitMs: timeout * 1000, env: environment };
}
