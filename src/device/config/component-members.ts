/**
 * Components and their installers in the configuration.
 *
 * @module
 */
import { GiB } from '../../core/sizes.ts';
import { environment } from './environment-kind.ts';
import { quoted } from './findings.ts';
import { checked, type Kind } from './kind.ts';
import { byDefault, listOf, optional, required, section, shape, variants } from './shapes.ts';
import { choice, command, count, fileMode, flag, name, path, size, textOf } from './text-kinds.ts';
import { duration } from './time-kinds.ts';

const MAX_COMPONENTS = 64;
/** More slots than any device has. */
const MAX_SLOTS = 16;
const MAX_ID = 2 ** 32 - 2;

/** What an installer program may take for one step. */
const step = duration('1s', '1d');

const bootName = textOf(
  'the name by which the boot loader knows the slot, such as A: letters, digits and . _ -, at most 32',
  /^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$/,
);

/** A command in which {path} and {version} stand for those of the image; nothing else stands in braces. */
const template = checked(command, (found, tell) => {
  found.forEach((argument, index) => {
    for (const [place] of argument.matchAll(/\{[^{}]*\}/g)) {
      if (place === '{path}' || place === '{version}') continue;
      tell.mistake(`expected {path} or {version} in braces, found ${quoted(place)}`, index);
    }
  });
  return found;
});

const slot = shape(
  {
    device: required(path),
    boot: optional(bootName),
    /** A rescue slot is started to update the other one, and never written. */
    role: byDefault(choice(['update', 'rescue']), 'update'),
  },
  'a slot',
);

const slots = shape({ slots: required(listOf(slot, { least: 1, most: MAX_SLOTS }, 'slots')) });

const owner = shape({ uid: required(count(0, MAX_ID)), gid: required(count(0, MAX_ID)) }, 'an owner');

const file = shape({
  path: required(path),
  mode: optional(fileMode),
  owner: optional(owner),
});

const directory = shape({
  root: required(path),
  maxEntries: byDefault(count(1, 10_000_000), '100000'),
  maxBytes: byDefault(size(1, 1024 * GiB), '8GiB'),
  owner: optional(owner),
  keepImage: byDefault(flag, 'true'),
});

const program = shape({
  command: required(command),
  environment: optional(environment),
  timeouts: section(
    shape({
      status: byDefault(step, '30s'),
      prepare: byDefault(step, '1min'),
      install: byDefault(step, '30min'),
      commit: byDefault(step, '5min'),
      rollback: byDefault(step, '30min'),
      finish: byDefault(step, '1min'),
    }),
  ),
});

const oci = shape({
  directory: required(path),
  load: required(template),
  activate: required(template),
  rollback: optional(template),
  remove: optional(template),
  timeout: byDefault(step, '30min'),
  environment: optional(environment),
});

const deb = shape({
  directory: required(path),
  check: byDefault(template, ['dpkg-deb', '--info', '{path}']),
  install: byDefault(template, ['dpkg', '-i', '{path}']),
  remove: optional(template),
  timeout: byDefault(step, '30min'),
  environment: optional(environment),
});

const installer = variants({ slots, file, directory, oci, deb, command: program }, 'an installer');

const component = checked(
  shape({ name: required(name), image: optional(name), installer: required(installer) }, 'a component'),
  // An image is called what its component is called, unless the file says otherwise.
  (found) => ({ ...found, image: found.image ?? found.name }),
);

export const components = listOf(component, { least: 1, most: MAX_COMPONENTS, part: true }, 'components');

export type ComponentConfig = typeof component extends Kind<infer T> ? T : never;
export type InstallerConfig = ComponentConfig['installer'];
export type SlotConfig = Extract<InstallerConfig, { readonly type: 'slots' }>['slots'][number];
