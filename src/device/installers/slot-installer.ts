/**
 * A slot that the boot loader starts from: a raw partition, another block device, or a file, written in place.
 * One of two (A/B), or the only one beside a rescue system.
 *
 * There is nothing to put in use or to take back here: which slot starts is the business of the boot loader, and
 * the slot in use is never written. So `install` alone does work: it reads the whole image back from the medium.
 *
 * @module
 */
import { type BigIntStats, statSync } from 'node:fs';
import { SiltError } from '../../core/errors.ts';
import { ioError } from '../../io/io-error.ts';
import type { Installer, InstallerStatus, InstallImage, InstallOptions, Preparation } from './installer.ts';
import { verifyOnMedium } from './verify-image.ts';

export interface SlotInstallerSettings {
  /** The slot that is written: a block device or a file, which must be there. */
  readonly target: string;
  /** The slot that is in use; none where a rescue system runs. */
  readonly active?: string | undefined;
}

export class SlotInstaller implements Installer {
  readonly #target: string;
  readonly #active: string | undefined;

  constructor(settings: SlotInstallerSettings) {
    this.#target = settings.target;
    this.#active = settings.active;
  }

  async status(): Promise<InstallerStatus> {
    return { present: this.#active !== undefined && look(this.#active) !== undefined };
  }

  /** The target is no seed by name, since the fetcher looks into its target first of all. */
  async prepare(): Promise<Preparation> {
    const target = look(this.#target);
    if (target === undefined) {
      throw invalid(this.#target, 'expected the slot to be written there, found nothing; check its path');
    }
    const active = this.#active === undefined ? undefined : look(this.#active);
    if (active !== undefined && isSame(target, active)) {
      throw invalid(
        this.#target,
        `the slot to be written is the one in use (${this.#active}); choose the other one`,
      );
    }
    const seeds = this.#active !== undefined && active !== undefined ? [this.#active] : [];
    return { output: this.#target, inPlace: true, seeds };
  }

  /** Proves what {@link verifyOnMedium} says, of every byte of the image. */
  async install(image: InstallImage, options?: InstallOptions): Promise<void> {
    const target = look(image.path);
    await verifyOnMedium(image, options, target?.isBlockDevice() === true);
  }

  async commit(): Promise<void> {}

  async rollback(): Promise<void> {}

  async finish(): Promise<void> {}
}

/** A file or block device; `undefined` when there is nothing. Links, as of /dev/disk, are followed. */
function look(path: string): BigIntStats | undefined {
  let stats: BigIntStats | undefined;
  try {
    stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    throw ioError(error, 'look at', path);
  }
  if (stats === undefined || stats.isFile() || stats.isBlockDevice()) return stats;
  throw invalid(path, 'expected a file or a block device as the slot, found something else; check its path');
}

/** Two nodes of one device have the same number; two names of one file the same inode. */
function isSame(a: BigIntStats, b: BigIntStats): boolean {
  if (a.isBlockDevice() || b.isBlockDevice()) {
    return a.isBlockDevice() && b.isBlockDevice() && a.rdev === b.rdev;
  }
  return a.dev === b.dev && a.ino === b.ino;
}

function invalid(path: string, why: string): SiltError {
  return new SiltError('TARGET_INVALID', `${path}: ${why}`, { details: { path } });
}
