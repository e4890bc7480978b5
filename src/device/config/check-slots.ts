/**
 * Checks of slots among each other and against the boot loader: nothing is written by two components, and
 * whatever is started is started by somebody who knows its name.
 *
 * @module
 */
import { type BootLoaderConfig, slotNameOf } from './boot-loader-members.ts';
import type { ComponentConfig, InstallerConfig, SlotConfig } from './component-members.ts';
import { type Reading, tellAbout } from './kind.ts';

/** Checks the components that could be read. @param loader `undefined` where it could not */
export function checkComponents(
  reading: Reading,
  components: readonly ComponentConfig[],
  loader: BootLoaderConfig | undefined,
): void {
  checkNames(reading, components);
  checkPlaces(reading, components);
  const groups = components.flatMap(({ name, installer }) =>
    installer.type === 'slots' ? [{ name, installer }] : [],
  );
  for (const { installer } of groups) checkSlots(reading, installer, loader);
  checkGroups(reading, groups);
  if (loader === undefined || loader.type === 'none') return;
  if (components.length > 0 && !groups.some(({ installer }) => installer.slots.length > 1)) {
    const message = 'no component has two slots, so the boot loader would never be asked; type: none will do';
    tellAbout(reading, loader).warning(message);
  }
}

type SlotsInstaller = Extract<InstallerConfig, { readonly type: 'slots' }>;

interface Group {
  readonly name: string;
  readonly installer: SlotsInstaller;
}

function checkNames(reading: Reading, components: readonly ComponentConfig[]): void {
  const seen = new Set<string>();
  for (const component of components) {
    const { name } = component;
    // They become names of files, perhaps on a file system that does not tell a from A.
    if (seen.has(name.toLowerCase())) {
      const message = `expected another name than those of the components above, found ${name} again`;
      tellAbout(reading, component).mistake(message, 'name');
    }
    seen.add(name.toLowerCase());
  }
}

/** What an installer writes to: no other one may. */
function checkPlaces(reading: Reading, components: readonly ComponentConfig[]): void {
  const owners = new Map<string, string>();
  for (const { name, installer } of components) {
    for (const { object, member, path } of placesOf(installer)) {
      const owner = owners.get(path);
      if (owner !== undefined) {
        const message = `expected a place of its own, found ${path}, which is one of the component ${owner} already`;
        tellAbout(reading, object).mistake(message, member);
      }
      owners.set(path, owner ?? name);
    }
  }
}

function placesOf(installer: InstallerConfig): { object: object; member: string; path: string }[] {
  switch (installer.type) {
    case 'slots':
      return installer.slots.map((slot) => ({ object: slot, member: 'device', path: slot.device }));
    case 'file':
      return [{ object: installer, member: 'path', path: installer.path }];
    case 'directory':
      return [{ object: installer, member: 'root', path: installer.root }];
    case 'oci':
    case 'deb':
      return [{ object: installer, member: 'directory', path: installer.directory }];
    case 'command':
      return [];
  }
}

function checkSlots(reading: Reading, installer: SlotsInstaller, loader: BootLoaderConfig | undefined): void {
  const { slots } = installer;
  const tell = tellAbout(reading, installer);
  const updated = slots.filter(({ role }) => role === 'update');
  if (updated.length === 0) tell.mistake('expected a slot with the role update, found none', 'slots');
  if (slots.length - updated.length > 1)
    tell.mistake('expected one rescue slot at most, found more', 'slots');
  if (slots.length === 1 && updated.length === 1) {
    tell.warning(
      'one slot and no rescue slot: a power cut while it is written leaves nothing to start',
      'slots',
    );
  }
  if (slots.length > 1 && loader?.type === 'none') {
    const message = `expected a boot loader that chooses among ${slots.length} slots, found type: none; configure bootLoader`;
    tell.mistake(message, 'slots');
  }
  checkBootNames(reading, slots, loader);
}

function checkBootNames(
  reading: Reading,
  slots: readonly SlotConfig[],
  loader: BootLoaderConfig | undefined,
): void {
  const seen = new Set<string>();
  const rule = loader === undefined ? undefined : slotNameOf(loader.type);
  for (const slot of slots) {
    const tell = tellAbout(reading, slot);
    const { boot } = slot;
    if (boot === undefined) {
      const message = 'expected boot, the name by which the boot loader knows this slot, found none; add it';
      if (slots.length > 1) tell.mistake(message);
      continue;
    }
    if (seen.has(boot.toLowerCase())) tell.mistake(`expected each name once, found ${boot} again`, 'boot');
    seen.add(boot.toLowerCase());
    if (rule?.pattern.test(boot) === false) {
      tell.mistake(`expected a name that ${loader?.type} can have, of ${rule.means}; found ${boot}`, 'boot');
    }
    if (slots.length === 1 && loader?.type === 'none') {
      tell.mistake('expected a boot loader that knows this name, found type: none; leave boot out', 'boot');
    }
  }
}

/** A system of several components is started as one: slots with one boot name belong together. */
function checkGroups(reading: Reading, groups: readonly Group[]): void {
  const several = groups.filter(({ installer }) => updatedNames(installer).length > 1);
  const [first, ...others] = several;
  if (first === undefined) return;
  const expected = updatedNames(first.installer).join(', ');
  for (const { installer } of others) {
    const found = updatedNames(installer).join(', ');
    if (found === expected) continue;
    const message = `expected the boot names ${expected}, as the component ${first.name} has them, found ${found}; slots of one name are started together`;
    tellAbout(reading, installer).mistake(message, 'slots');
  }
}

function updatedNames({ slots }: SlotsInstaller): string[] {
  const updated = slots.filter(({ role }) => role === 'update');
  return updated.flatMap(({ boot }) => (boot === undefined ? [] : [boot])).sort();
}
