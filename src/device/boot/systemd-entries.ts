/**
 * The entries of slots in `loader/entries`, read and checked: that systemd-boot really orders them by their names.
 *
 * It would not where `sort-key` and its like differ between slots, and it would not fall back where `default` in
 * `loader.conf` names one entry: that one is started even when it has no tries left.
 *
 * @module
 */
import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { isSiltError, SiltError } from '../../core/errors.ts';
import { KiB } from '../../core/sizes.ts';
import { ioError, systemCode } from '../../io/io-error.ts';
import { readSmallFile } from '../../io/read-small-file.ts';
import type { BootSlot } from './boot-loader.ts';
import { compareEntries, type EntryName, parseEntryName } from './systemd-entry-name.ts';

/** An entry is some hundred bytes. */
const MAX_ENTRY_BYTES = 64 * KiB;
const MAX_NAMES = 4096;

export interface Entry extends EntryName {
  readonly file: string;
  readonly content: Buffer;
}

/** Where systemd-boot keeps its files: the EFI system partition or the extended boot loader partition. */
export interface EntryPlace {
  /** Mount point, such as `/boot/efi`. */
  readonly root: string;
  readonly prefix: string;
  readonly slots: readonly BootSlot[];
}

/** The directory of the entries. */
export function entriesDirectory({ root }: EntryPlace): string {
  return join(root, 'loader', 'entries');
}

/**
 * The entries of the slots in the order in which they would be started. A power cut may leave a slot with two: the
 * first one counts.
 *
 * @throws SiltError BOOT_STATE_INVALID, IO_FAILED
 */
export async function readEntries(place: EntryPlace): Promise<readonly Entry[]> {
  const directory = entriesDirectory(place);
  const entries: Entry[] = [];
  for (const file of await namesIn(directory)) {
    const name = parseEntryName(file, place.prefix, place.slots);
    if (name === undefined) continue;
    const content = await readBootFile(join(directory, file));
    if (content !== undefined) entries.push({ ...name, file, content });
  }
  if (entries.length === 0) {
    const wanted = `${place.prefix}-1-${place.slots[0]}.conf`;
    throw invalid(
      directory,
      `expected entries such as ${wanted} in ${directory}, found none; put them there`,
    );
  }
  checkOrder(directory, entries);
  await checkDefault(place);
  return entries.sort(compareEntries);
}

async function namesIn(directory: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of await opendir(directory)) {
      names.push(name);
      if (names.length > MAX_NAMES) break;
    }
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw ioError(error, 'read', directory);
    throw invalid(
      directory,
      `expected the directory ${directory}, found none; mount the EFI system partition`,
    );
  }
  if (names.length <= MAX_NAMES) return names;
  throw invalid(directory, `expected at most ${MAX_NAMES} files in ${directory}, found more; remove some`);
}

function checkOrder(directory: string, entries: readonly Entry[]): void {
  const [first] = entries;
  for (const entry of entries) {
    const twin = entries.find((other) => other.number === entry.number && other.slot !== entry.slot);
    if (twin !== undefined) {
      const what = `${entry.file} and ${twin.file} in ${directory}`;
      throw invalid(
        directory,
        `expected each slot to have its own number, found ${what}; rename one of them`,
      );
    }
    if (first !== undefined && sortKeys(entry) !== sortKeys(first)) {
      const what = `${first.file} and ${entry.file} in ${directory}`;
      throw invalid(
        directory,
        `expected sort-key, machine-id and version to be the same in ${what}, or sort-key in neither, found them to differ: systemd-boot would order them by those; make them equal`,
      );
    }
  }
}

/** What systemd-boot would sort by before it looks at the name. */
function sortKeys({ content }: Entry): string {
  const values = (key: string): string | undefined => lastValue(content, key);
  const sortKey = values('sort-key');
  return sortKey === undefined ? '' : JSON.stringify([sortKey, values('machine-id'), values('version')]);
}

async function checkDefault({ root, prefix }: EntryPlace): Promise<void> {
  const path = join(root, 'loader', 'loader.conf');
  const content = await readBootFile(path);
  const found = content && lastValue(content, 'default');
  // Patterns that any slot matches leave the choice to the order.
  const harmless = [`${prefix}-*`, `${prefix}-*.conf`, '*'];
  if (found === undefined || harmless.includes(found)) return;
  throw invalid(
    path,
    `expected no "default" in ${path}, or "${harmless[0]}", found ${JSON.stringify(found.slice(0, 80))}: with it systemd-boot never falls back; remove the line`,
  );
}

/** The value of the last line that begins with `key`, a space or tab, and no `#`. */
function lastValue(content: Buffer, key: string): string | undefined {
  const lines = content.toString('utf8').split(/\r?\n/);
  const found = lines.findLast((line) => /^\s*(\S+)/.exec(line)?.[1] === key);
  return found?.trim().slice(key.length).trim();
}

async function readBootFile(path: string): Promise<Buffer | undefined> {
  try {
    return await readSmallFile(path, MAX_ENTRY_BYTES);
  } catch (error) {
    if (!isSiltError(error, 'FORMAT_INVALID')) throw error;
    throw invalid(path, `${error.message}; put a boot loader's file there`);
  }
}

function invalid(path: string, message: string): SiltError {
  return new SiltError('BOOT_STATE_INVALID', message, { details: { path } });
}
