/**
 * Names of temporary files: `.silt-<host><boot><random>.tmp`, 4, 4 and 8 hexadecimal digits. They tell whose
 * they are, so that what a power cut has left can be cleared away while others are at work in the directory.
 *
 * @module
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { sha256Hex } from '../core/digest.ts';
import { unlinkFile } from './disk.ts';

const TEMPORARY_NAME = /^\.silt-[0-9a-f]{16}\.tmp$/;

/** Where the system does not tell one boot from the next; such files are never cleared away. */
const NO_BOOT = '0000';

/** True for the name of a file that a write left unfinished. Nobody but its writer may use such a file. */
export function isTemporaryName(name: string): boolean {
  return TEMPORARY_NAME.test(name);
}

/** A new path for a temporary file beside `path`, with a name that {@link isTemporaryName} knows. */
export function temporaryPath(path: string): string {
  const { host, boot } = ours();
  return join(dirname(path), `.silt-${host}${boot}${randomBytes(4).toString('hex')}.tmp`);
}

/**
 * Removes the temporary files that earlier boots of this machine have left in `directory`: their writers are
 * gone. To be called before new files are made there, or flaky power would fill the disk little by little.
 * What cannot be read or removed stays.
 */
export async function sweepTemporaries(directory: string): Promise<void> {
  const { host, boot } = ours();
  if (boot === NO_BOOT) return;
  for (const name of await readdir(directory).catch((): string[] => [])) {
    if (!isTemporaryName(name) || name.slice(6, 10) !== host) continue;
    const theirs = name.slice(10, 14);
    if (theirs === boot || theirs === NO_BOOT) continue;
    await unlinkFile(join(directory, name)).catch(() => {});
  }
}

let known: { readonly host: string; readonly boot: string } | undefined;

function ours(): { readonly host: string; readonly boot: string } {
  known ??= { host: mark(hostname()), boot: bootMark() };
  return known;
}

function bootMark(): string {
  try {
    return mark(readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim());
  } catch {
    return NO_BOOT;
  }
}

function mark(text: string): string {
  return sha256Hex(Buffer.from(text)).slice(0, 4);
}
