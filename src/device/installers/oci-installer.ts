/**
 * A container image, as an archive of an OCI image layout or of `docker save`, handed to the container command of
 * the device. Loading brings it in beside what runs; activating and rolling back are two more commands, which
 * most likely move a tag and restart a unit, and so find the previous image by its tag, still loaded.
 *
 * @module
 */
import type { runCommand } from '../../io/run-command.ts';
import { ArchiveInstaller } from './archive-installer.ts';
import type { Installer } from './installer.ts';

export interface OciInstallerSettings {
  readonly directory: string;
  /** Such as `podman load -i {path}`. */
  readonly load: readonly string[];
  /** Such as `podman tag app:{version} app:current`. */
  readonly activate: readonly string[];
  /** The same for the previous version, unless told otherwise: {version} is that one, and {path} its archive. */
  readonly rollback?: readonly string[] | undefined;
  /** Takes the new image out of use when there is no previous one: `podman untag app:current`. */
  readonly remove?: readonly string[] | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly limitMs?: number | undefined;
  readonly graceMs?: number | undefined;
  /** What runs the commands: for tests that play the program themselves. */
  readonly run?: typeof runCommand | undefined;
}

/** @throws SiltError CONFIG_INVALID for a command with places that there are not */
export function ociInstaller(settings: OciInstallerSettings): Installer {
  const { load, activate, rollback = activate, remove, ...rest } = settings;
  return new ArchiveInstaller({
    ...rest,
    kind: 'tar',
    what: 'the container command',
    commands: { install: load, commit: activate, rollback, remove },
  });
}
