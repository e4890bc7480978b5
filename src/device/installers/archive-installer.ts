/**
 * An image that stays a file and is handed to commands: the part that the installers of OCI images and of Debian
 * packages share. The image in use is kept, so that a roll-back has something to install again, and so that the
 * next update has a seed.
 *
 * Files in the directory: `next.<kind>` the image as it is fetched, `current.<kind>` the one in use,
 * `current.json` its version, and `pending.json` the version that is being put in use, which is there from before
 * the first command of a commit until after the last one of the finish or the roll-back. A command may run twice
 * for one update, when the power failed while it ran.
 *
 * @module
 */
import { join, resolve } from 'node:path';
import * as v from 'valibot';
import { SiltError } from '../../core/errors.ts';
import { KiB } from '../../core/sizes.ts';
import { NAME_PATTERN } from '../../format/manifest.ts';
import { makeDirectory, removeFile, replaceFile } from '../../io/atomic.ts';
import { hasName } from '../../io/keep-file.ts';
import { readSmallFile } from '../../io/read-small-file.ts';
import { runCommand } from '../../io/run-command.ts';
import { promote } from '../../io/target-file.ts';
import { sweepTemporaries } from '../../io/temporary-name.ts';
import { checkTemplate, fillTemplate } from './argv-template.ts';
import type { Installer, InstallerStatus, InstallImage, InstallOptions, Preparation } from './installer.ts';
import { requireVersion, verifyOnMedium } from './verify-image.ts';

/** Milliseconds; the largest packages and images on slow flash take minutes. */
const DEFAULT_LIMIT_MS = 30 * 60_000;

const recordSchema = v.object({ version: v.pipe(v.string(), v.regex(NAME_PATTERN)) });

/** Commands by step; {path} and {version} are filled in, of the previous image in `rollback`. */
export interface ArchiveCommands {
  /** Changes nothing in use: loads or examines the image. */
  readonly install?: readonly string[] | undefined;
  /** Puts the image in use. */
  readonly commit: readonly string[];
  /** Puts the previous image in use again. */
  readonly rollback: readonly string[];
  /** Takes the new image out of use when there was none before; {version} is its own. */
  readonly remove?: readonly string[] | undefined;
}

export interface ArchiveInstallerSettings {
  /** Where the images are kept; made when it is not there. */
  readonly directory: string;
  /** Ending of their names. */
  readonly kind: string;
  /** As it begins a sentence: `the container command`. */
  readonly what: string;
  readonly commands: ArchiveCommands;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Longest that one command may take, in milliseconds. */
  readonly limitMs?: number | undefined;
  /** Milliseconds from SIGTERM to SIGKILL. */
  readonly graceMs?: number | undefined;
  /** What runs the commands: for tests that play the program themselves. */
  readonly run?: typeof runCommand | undefined;
}

export class ArchiveInstaller implements Installer {
  readonly #settings: ArchiveInstallerSettings;
  readonly #directory: string;
  readonly #next: string;
  readonly #current: string;
  readonly #currentRecord: string;
  readonly #pendingRecord: string;

  /** @throws SiltError CONFIG_INVALID for a command with places that there are not */
  constructor(settings: ArchiveInstallerSettings) {
    for (const command of Object.values(settings.commands)) if (command !== undefined) checkTemplate(command);
    this.#settings = settings;
    this.#directory = resolve(settings.directory);
    this.#next = join(this.#directory, `next.${settings.kind}`);
    this.#current = join(this.#directory, `current.${settings.kind}`);
    this.#currentRecord = join(this.#directory, 'current.json');
    this.#pendingRecord = join(this.#directory, 'pending.json');
  }

  async status(): Promise<InstallerStatus> {
    const version = await readVersion(this.#currentRecord);
    return version === undefined ? { present: false } : { present: true, version };
  }

  async prepare(version: string): Promise<Preparation> {
    requireVersion(version);
    await makeDirectory(this.#directory, { again: true });
    const seeds = (await hasName(this.#current)) ? [this.#current] : [];
    return { output: this.#next, inPlace: false, seeds };
  }

  async install(image: InstallImage, options: InstallOptions = {}): Promise<void> {
    requireVersion(image.version);
    await verifyOnMedium({ ...image, path: this.#next }, options);
    const { install } = this.#settings.commands;
    if (install !== undefined) await this.#run(install, this.#next, image.version, options);
  }

  async commit(image: InstallImage, options: InstallOptions = {}): Promise<void> {
    requireVersion(image.version);
    if (!(await hasName(this.#next))) {
      const message = `expected the image in ${this.#next}, found nothing; install it before it is committed`;
      throw new SiltError('INSTALL_FAILED', message, { details: { path: this.#next } });
    }
    await writeVersion(this.#pendingRecord, image.version);
    await this.#run(this.#settings.commands.commit, this.#next, image.version, options);
  }

  async rollback(options: InstallOptions = {}): Promise<void> {
    await sweepTemporaries(this.#directory);
    const pending = await readVersion(this.#pendingRecord);
    if (pending !== undefined) {
      const { rollback, remove } = this.#settings.commands;
      const previous = await readVersion(this.#currentRecord);
      if (previous !== undefined) await this.#run(rollback, this.#current, previous, options);
      else if (remove !== undefined) await this.#run(remove, this.#next, pending, options);
      await removeFile(this.#pendingRecord);
    }
    await removeFile(this.#next);
  }

  async finish(): Promise<void> {
    // Of a step that was cut; nobody else looks here until the next update.
    await sweepTemporaries(this.#directory);
    const pending = await readVersion(this.#pendingRecord);
    if (pending !== undefined) {
      if (await hasName(this.#next)) await promote(this.#next, this.#current);
      await writeVersion(this.#currentRecord, pending);
      await removeFile(this.#pendingRecord);
    }
    await removeFile(this.#next);
  }

  async #run(
    command: readonly string[],
    path: string,
    version: string,
    options: InstallOptions,
  ): Promise<void> {
    const { what, env, limitMs = DEFAULT_LIMIT_MS, graceMs, run = runCommand } = this.#settings;
    await run(fillTemplate(command, { path, version }), {
      code: 'INSTALL_FAILED',
      what,
      limitMs,
      graceMs,
      cwd: this.#directory,
      env,
      signal: options.signal,
      // Such commands talk; nobody reads it.
      maxOutput: 1024 * KiB,
    });
  }
}

async function writeVersion(path: string, version: string): Promise<void> {
  await replaceFile(path, Buffer.from(`${JSON.stringify({ version })}\n`));
}

async function readVersion(path: string): Promise<string | undefined> {
  const bytes = await readSmallFile(path, 4 * KiB);
  if (bytes === undefined) return undefined;
  try {
    return v.parse(recordSchema, JSON.parse(bytes.toString('utf8'))).version;
  } catch (error) {
    const message = `expected {"version": …} in ${path}, found something else; remove the file, and install again`;
    throw new SiltError('INSTALL_FAILED', message, { details: { path }, cause: error });
  }
}
