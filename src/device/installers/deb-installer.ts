/**
 * A Debian package, installed by a command. dpkg is not atomic and has no second place to install to: the package
 * is examined at the install, installed at the commit, and the previous package is installed again for a
 * roll-back. A power cut in the middle leaves a half-installed package, which the repeated commit or the roll-back
 * mends; who needs more puts the system into slots.
 *
 * @module
 */
import type { runCommand } from '../../io/run-command.ts';
import { ArchiveInstaller } from './archive-installer.ts';
import type { Installer } from './installer.ts';

export interface DebInstallerSettings {
  readonly directory: string;
  /** Default `dpkg-deb --info {path}`, which fails for what is no package. */
  readonly check?: readonly string[] | undefined;
  /** Default `dpkg -i {path}`; has to put an older version in place of a newer one as well. */
  readonly install?: readonly string[] | undefined;
  /** Removes the package when there was none before: `dpkg -r NAME`. */
  readonly remove?: readonly string[] | undefined;
  /** Default DEBIAN_FRONTEND=noninteractive. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly limitMs?: number | undefined;
  readonly graceMs?: number | undefined;
  /** What runs the commands: for tests that play the program themselves. */
  readonly run?: typeof runCommand | undefined;
}

/** @throws SiltError CONFIG_INVALID for a command with places that there are not */
export function debInstaller(settings: DebInstallerSettings): Installer {
  const {
    check = ['dpkg-deb', '--info', '{path}'],
    install = ['dpkg', '-i', '{path}'],
    env = { DEBIAN_FRONTEND: 'noninteractive' },
    remove,
    ...rest
  } = settings;
  return new ArchiveInstaller({
    ...rest,
    env,
    kind: 'deb',
    what: 'the package command',
    commands: { install: check, commit: install, rollback: install, remove },
  });
}
