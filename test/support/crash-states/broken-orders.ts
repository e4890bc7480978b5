/**
 * Ways of keeping a number on a disk that look right, are found in the field, and are not: what the enumeration
 * must find.
 *
 * @module
 */
import { closeSync, constants } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory, replaceFile, syncDirectory } from '../../../src/io/atomic.ts';
import { openSync, renameSync, syncSync, writeSync } from '../../../src/io/disk.ts';
import { openDeviceState } from '../../../src/trust/tuf/device-state.ts';
import type { OpenFloor } from './floor-scenarios.ts';
import { bytesAt } from './must-hold.ts';
import type { OpenState } from './trust-scenarios.ts';

/** Makes a copy hold `bytes`, somehow. */
type Replace = (path: string, bytes: Uint8Array) => Promise<void>;

/** Writes a file from its beginning. @param sync whether fsync(2) follows at once */
function overwrite(path: string, bytes: Uint8Array, sync: boolean): void {
  const fd = openSync(path, 'w');
  try {
    writeSync(fd, bytes, 0);
    if (sync) syncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function syncFile(path: string): void {
  const fd = openSync(path, constants.O_RDWR);
  try {
    syncSync(fd);
  } finally {
    closeSync(fd);
  }
}

const renameFirst: Replace = async (path, bytes) => {
  overwrite(`${path}.new`, bytes, false);
  renameSync(`${path}.new`, path);
  syncFile(path);
  await syncDirectory(join(path, '..'));
};

const withoutDirectory: Replace = async (path, bytes) => {
  overwrite(`${path}.new`, bytes, true);
  renameSync(`${path}.new`, path);
};

/** As SWUpdate writes grubenv: rename(2) before the file is closed, and no fsync(2) at all. */
const asGrubenv: Replace = async (path, bytes) => {
  const fd = openSync(`${path}.new`, 'w');
  try {
    writeSync(fd, bytes, 0);
    renameSync(`${path}.new`, path);
  } finally {
    closeSync(fd);
  }
};

const inPlace: Replace = async (path, bytes) => overwrite(path, bytes, true);

/** A floor that takes no care but in its two copies, or in one. */
function simpleFloor(names: readonly string[], replace: Replace, settle?: Replace): OpenFloor {
  return (directory) => {
    const read = (product: string): number => {
      const copies = names.map((name) => bytesAt(join(directory, `${product}.${name}`))?.toString());
      const whole = copies.flatMap((text) => /^(\d+) \1\n$/.exec(text ?? '')?.[1] ?? []);
      if (whole.length === 0 && copies.some((text) => text !== undefined))
        throw new Error('damaged in every copy');
      return Math.max(0, ...whole.map(Number));
    };
    return {
      read: async (product) => read(product),
      async raise(product, counter) {
        await makeDirectory(directory, { again: true });
        const bytes = Buffer.from(`${counter} ${counter}\n`);
        for (const step of [replace, settle]) {
          for (const name of names) await step?.(join(directory, `${product}.${name}`), bytes);
        }
        return counter;
      },
    };
  };
}

export const brokenFloors: Readonly<Record<string, { readonly open: OpenFloor; readonly finds: RegExp }>> = {
  'rename before fsync, in one copy': {
    open: simpleFloor(['a'], renameFirst),
    finds: /damaged in every copy/,
  },
  'no fsync of the directory': { open: simpleFloor(['a', 'b'], withoutDirectory), finds: /the floor is/ },
  'one copy, written over': { open: simpleFloor(['a'], inPlace), finds: /damaged in every copy/ },
  'two copies written over, and then synced': {
    open: simpleFloor(
      ['a', 'b'],
      async (path, bytes) => overwrite(path, bytes, false),
      async (path) => syncFile(path),
    ),
    finds: /damaged in every copy/,
  },
  'the order of grubenv': { open: simpleFloor(['a'], asGrubenv), finds: /damaged in every copy/ },
};

/** The same two copies, in an order that is right. */
export const rightFloor: OpenFloor = simpleFloor(['a', 'b'], replaceFile);

/** Keeps two copies of each file, and leaves their names to chance. */
export const unsyncedState: OpenState = async (directory) => ({
  ...(await openDeviceState(directory)),
  async write(name, bytes) {
    await makeDirectory(directory, { again: true });
    for (const copy of ['a', 'b']) await withoutDirectory(join(directory, `${name}.${copy}`), bytes);
  },
});
