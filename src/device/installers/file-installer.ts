/**
 * One file, replaced at once. The image is fetched to a name beside it and gets its own by rename(2); what was
 * there is kept as a hard link, or a copy where the file system has no links, until the update is finished.
 *
 * Names beside the file `F`: `F.silt-new` the image, `F.silt-previous` what was in use before the commit,
 * `F.silt-absent` that nothing was. One of the latter two is there exactly from the commit to the finish or the
 * roll-back, so that what a step finds tells what is left to do.
 *
 * @module
 */
import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { SiltError } from '../../core/errors.ts';
import { createExclusive, removeFile, syncDirectory } from '../../io/atomic.ts';
import { ioError, systemCode } from '../../io/io-error.ts';
import { hasName, type KeepOptions, keepFile, putBack } from '../../io/keep-file.ts';
import type { TreeOwner } from '../../io/new-tree.ts';
import { setOwnerAndMode } from '../../io/owner-and-mode.ts';
import { promote } from '../../io/target-file.ts';
import { sweepTemporaries } from '../../io/temporary-name.ts';
import type { Installer, InstallerStatus, InstallImage, InstallOptions, Preparation } from './installer.ts';
import { verifyOnMedium } from './verify-image.ts';

export interface FileInstallerSettings extends KeepOptions {
  /** The file; its directory must exist. */
  readonly path: string;
  /** Permissions, such as 0o644; without them those of the file that is replaced, or else 0644. */
  readonly mode?: number | undefined;
  /** Without it that of the file that is replaced, or else whoever runs silt. */
  readonly owner?: TreeOwner | undefined;
}

export class FileInstaller implements Installer {
  readonly #settings: FileInstallerSettings;
  readonly #path: string;
  readonly #next: string;
  readonly #previous: string;
  readonly #absent: string;

  constructor(settings: FileInstallerSettings) {
    this.#settings = settings;
    this.#path = resolve(settings.path);
    this.#next = `${this.#path}.silt-new`;
    this.#previous = `${this.#path}.silt-previous`;
    this.#absent = `${this.#path}.silt-absent`;
  }

  async status(): Promise<InstallerStatus> {
    return { present: await hasName(this.#path) };
  }

  async prepare(): Promise<Preparation> {
    const seeds = (await isFile(this.#path)) ? [this.#path] : [];
    return { output: this.#next, inPlace: false, seeds };
  }

  /** Sets mode and owner before the file can be seen under its name, and reads the image back. */
  async install(image: InstallImage, options?: InstallOptions): Promise<void> {
    if (await this.#isCommitted(image)) return;
    const replaced = await statOf(this.#path);
    const { mode = (replaced?.mode ?? 0o644) & 0o7777, owner = replaced } = this.#settings;
    setOwnerAndMode(this.#next, owner, mode);
    await verifyOnMedium({ ...image, path: this.#next }, options);
  }

  async commit(image: InstallImage): Promise<void> {
    await this.#settle();
    if (!(await hasName(this.#next))) {
      if (await this.#isCommitted(image)) return;
      const message = `expected the image in ${this.#next}, found nothing; install it before it is committed`;
      throw new SiltError('INSTALL_FAILED', message, { details: { path: this.#next } });
    }
    await this.#keepWhatIsThere();
    await promote(this.#next, this.#path);
  }

  async rollback(): Promise<void> {
    await this.#settle();
    if (await hasName(this.#absent)) {
      await removeFile(this.#path);
      await removeFile(this.#absent);
    }
    await putBack(this.#previous, this.#path);
    await removeFile(this.#next);
  }

  async finish(): Promise<void> {
    await this.#settle();
    await removeFile(this.#previous);
    await removeFile(this.#absent);
    await removeFile(this.#next);
  }

  /**
   * Makes durable what is there, and clears away what an earlier boot left: who gave the names may have been
   * killed before the fsync, and no step may build upon names that a power cut could take back.
   */
  async #settle(): Promise<void> {
    const directory = dirname(this.#path);
    if (!(await hasName(directory))) return;
    await sweepTemporaries(directory);
    await syncDirectory(directory);
  }

  /** Whichever was kept first is what rolling back returns to, however often committing is tried. */
  async #keepWhatIsThere(): Promise<void> {
    if ((await hasName(this.#previous)) || (await hasName(this.#absent))) return;
    if (await hasName(this.#path)) await keepFile(this.#path, this.#previous, this.#settings);
    else await createExclusive(this.#absent, new Uint8Array());
  }

  /** Whether the file in use is this image, and what it replaced is still kept. */
  async #isCommitted(image: InstallImage): Promise<boolean> {
    if (await hasName(this.#next)) return false;
    if (!(await hasName(this.#previous)) && !(await hasName(this.#absent))) return false;
    if (!(await isFile(this.#path))) return false;
    await verifyOnMedium({ ...image, path: this.#path });
    return true;
  }
}

async function isFile(path: string): Promise<boolean> {
  return (await statOf(path))?.isFile() === true;
}

async function statOf(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw ioError(error, 'look at', path);
  }
}
