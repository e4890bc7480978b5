/**
 * An application as a tree of files: the image is a tar file, unpacked into `<root>/versions/<version>`, and
 * `<root>/current` is a symbolic link that is switched at once.
 *
 * What tells how far an update is, besides `current`:
 *
 *     next.image          the image as it is fetched; it becomes current.image, the seed of the next update
 *     versions/.<v>.sha256   the digest of the image that versions/<v> was unpacked from; written before that has
 *                         its name, so that a version with its name is whole and its origin known
 *     before              a link to what was current before the commit (`none`: nothing was): there exactly
 *                         from the commit to the finish or the roll-back
 *     previous            a link to the version before the present one, which is kept
 *
 * @module
 */
import { readdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { SiltError } from '../../core/errors.ts';
import { makeDirectory, removeFile, replaceFile, syncDirectory } from '../../io/atomic.ts';
import { ioError, systemCode } from '../../io/io-error.ts';
import { hasName } from '../../io/keep-file.ts';
import { removeTree, type TreeOwner } from '../../io/new-tree.ts';
import { readSmallFile } from '../../io/read-small-file.ts';
import { readLink, replaceLink } from '../../io/replace-link.ts';
import { promote } from '../../io/target-file.ts';
import { isTemporaryName, temporaryPath } from '../../io/temporary-name.ts';
import type { Installer, InstallerStatus, InstallImage, InstallOptions, Preparation } from './installer.ts';
import { type UnpackLimits, unpackTar } from './unpack-tar.ts';
import { requireVersion, verifyOnMedium } from './verify-image.ts';

const NOTHING = 'none';

export interface DirectoryInstallerSettings extends UnpackLimits {
  /** The directory that holds all of it; made when it is not there. */
  readonly root: string;
  /** Of every file and directory; without it whoever runs silt. */
  readonly owner?: TreeOwner | undefined;
  /** Keeps the image of the present version as base and seed of the next update. Default true. */
  readonly keepImage?: boolean | undefined;
}

export class DirectoryInstaller implements Installer {
  readonly #settings: DirectoryInstallerSettings;
  readonly #versions: string;
  readonly #current: string;
  readonly #before: string;
  readonly #previous: string;
  readonly #nextImage: string;
  readonly #currentImage: string;

  constructor(settings: DirectoryInstallerSettings) {
    const root = resolve(settings.root);
    this.#settings = settings;
    this.#versions = join(root, 'versions');
    this.#current = join(root, 'current');
    this.#before = join(root, 'before');
    this.#previous = join(root, 'previous');
    this.#nextImage = join(root, 'next.image');
    this.#currentImage = join(root, 'current.image');
  }

  async status(): Promise<InstallerStatus> {
    const version = versionOf(await readLink(this.#current));
    if (version === undefined || !(await hasName(this.#directoryOf(version)))) return { present: false };
    return { present: true, version };
  }

  /** Removes what an interrupted update left, and every version but those in use and the one that is coming. */
  async prepare(version: string): Promise<Preparation> {
    requireVersion(version);
    await makeDirectory(this.#versions, { again: true });
    await this.#prune(version);
    const seeds = (await hasName(this.#currentImage)) ? [this.#currentImage] : [];
    return { output: this.#nextImage, inPlace: false, seeds };
  }

  async install(image: InstallImage, options: InstallOptions = {}): Promise<void> {
    requireVersion(image.version);
    const directory = this.#directoryOf(image.version);
    const isCurrent = versionOf(await readLink(this.#current)) === image.version;
    if (await hasName(directory)) {
      // Who gave it its name may have been killed before the fsync.
      if (await this.#isOf(image)) return await syncDirectory(this.#versions);
      if (isCurrent) {
        const message = `${directory} is in use and was unpacked from another image; publish the new one as another version`;
        throw new SiltError('INSTALL_FAILED', message, { details: { path: directory } });
      }
      await this.#remove(image.version);
    }
    await verifyOnMedium({ ...image, path: this.#nextImage }, options);
    const unpacked = temporaryPath(directory);
    try {
      await unpackTar(this.#nextImage, unpacked, { ...this.#settings, signal: options.signal });
      await replaceFile(this.#stampOf(image.version), Buffer.from(`${image.sha256}\n`));
      await promote(unpacked, directory);
    } catch (error) {
      await removeTree(unpacked);
      throw error;
    }
  }

  async commit(image: InstallImage): Promise<void> {
    requireVersion(image.version);
    const directory = this.#directoryOf(image.version);
    if (!(await hasName(directory)) || !(await this.#isOf(image))) {
      const message = `expected ${directory} to hold the image, found nothing or another one; install it before it is committed`;
      throw new SiltError('INSTALL_FAILED', message, { details: { path: directory } });
    }
    await this.#settle();
    const target = linkTo(image.version);
    const current = await readLink(this.#current);
    if (current === target) return;
    // What was in use when the first of several commits began is what rolling back returns to.
    if ((await readLink(this.#before)) === undefined) await replaceLink(this.#before, current ?? NOTHING);
    await replaceLink(this.#current, target);
  }

  async rollback(): Promise<void> {
    await this.#settle();
    const before = await readLink(this.#before);
    if (before !== undefined) {
      if (before === NOTHING) await removeFile(this.#current);
      else if ((await readLink(this.#current)) !== before) await replaceLink(this.#current, before);
      await removeFile(this.#before);
    }
    await removeFile(this.#nextImage);
  }

  async finish(): Promise<void> {
    await this.#settle();
    const before = await readLink(this.#before);
    if (before !== undefined && this.#settings.keepImage !== false) {
      if (await hasName(this.#nextImage)) await promote(this.#nextImage, this.#currentImage);
    } else await removeFile(this.#nextImage);
    if (this.#settings.keepImage === false) await removeFile(this.#currentImage);
    if (before === NOTHING) await removeFile(this.#before);
    else if (before !== undefined) await promote(this.#before, this.#previous);
    await this.#prune(undefined);
  }

  /**
   * Makes the links durable that are there: who made them may have been killed before the fsync, and no step may
   * build upon what a power cut could take back.
   */
  async #settle(): Promise<void> {
    const root = dirname(this.#versions);
    if (await hasName(root)) await syncDirectory(root);
  }

  #directoryOf(version: string): string {
    return join(this.#versions, version);
  }

  #stampOf(version: string): string {
    return join(this.#versions, `.${version}.sha256`);
  }

  async #isOf(image: InstallImage): Promise<boolean> {
    const stamp = await readSmallFile(this.#stampOf(image.version), 100);
    return stamp?.toString('latin1').trim() === image.sha256;
  }

  /** Keeps what a link leads to, and `coming`. */
  async #prune(coming: string | undefined): Promise<void> {
    const links = await Promise.all([this.#current, this.#before, this.#previous].map(readLink));
    const kept = new Set([coming, ...links.map(versionOf)].filter((version) => version !== undefined));
    for (const name of await namesIn(this.#versions)) {
      const version = /^\.(.*)\.sha256$/.exec(name)?.[1] ?? name;
      if (isTemporaryName(name) || !kept.has(version)) await this.#remove(version);
    }
    const root = dirname(this.#versions);
    for (const name of await namesIn(root)) if (isTemporaryName(name)) await removeFile(join(root, name));
  }

  /** The name goes first, at once: a version that has its name is whole. */
  async #remove(version: string): Promise<void> {
    const directory = this.#directoryOf(version);
    if (await hasName(directory)) {
      const doomed = isTemporaryName(version) ? directory : temporaryPath(directory);
      if (doomed !== directory) await promote(directory, doomed);
      await removeTree(doomed);
    }
    await removeFile(this.#stampOf(version));
  }
}

const linkTo = (version: string): string => join('versions', version);

/** The version that a link of ours names. */
function versionOf(target: string | undefined): string | undefined {
  return target?.startsWith('versions/') ? target.slice('versions/'.length) : undefined;
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw ioError(error, 'read', directory);
  }
}
