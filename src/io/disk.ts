/**
 * The calls that change a disk: everything that silt writes on a device goes through here, so that a test can
 * see each one in its order and work out what a power cut may leave of them (docs/decisions/0013).
 *
 * An observer hears of a call after it has returned. In production there is none, and a call costs one
 * comparison more. Errors are those of `node:fs`, for the caller to name.
 *
 * @module
 */
import {
  chmodSync as chmod,
  copyFileSync as copyFile,
  fsyncSync as fsync,
  ftruncateSync as ftruncate,
  mkdirSync as mkdir,
  mkdtempSync as mkdtemp,
  openSync as open,
  renameSync as rename,
  rmSync as rm,
  unlinkSync as unlink,
  writeSync as write,
} from 'node:fs';
import * as promises from 'node:fs/promises';

/** One call that has changed a disk, or made durable what others have changed. Paths as they were given. */
export type DiskOperation =
  /** Opened for writing; made when there was none. */
  | { readonly kind: 'open'; readonly fd: number; readonly path: string; readonly truncates: boolean }
  /** `bytes` is the caller's: to be copied by who keeps it. */
  | { readonly kind: 'write'; readonly fd: number; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly fd: number; readonly size: number }
  | { readonly kind: 'sync'; readonly fd: number }
  /** `copy`: of the bytes, into a file that is made or replaced in its place. */
  | { readonly kind: 'rename' | 'link' | 'copy'; readonly from: string; readonly to: string }
  /** A symbolic link; `target` as it stands in it. */
  | { readonly kind: 'symlink'; readonly target: string; readonly path: string }
  /** `mkdir`: with its parents, if there was none yet; `remove-tree`: with all that is in it. */
  | {
      readonly kind: 'unlink' | 'mkdir' | 'sync-directory' | 'remove-tree';
      readonly path: string;
    };

export type DiskObserver = (operation: DiskOperation) => void;

let observer: DiskObserver | undefined;

/** Tells `next` of every call from now on, in this thread; `undefined` ends it. For tests. */
export function observeDisk(next: DiskObserver | undefined): void {
  observer = next;
}

/** open(2) for writing. @param flags as of `node:fs`: `w`, `w+`, or a number */
export function openSync(path: string, flags: 'w' | 'w+' | number): number {
  const fd = open(path, flags);
  observer?.({ kind: 'open', fd, path, truncates: typeof flags === 'string' });
  return fd;
}

/** Writes all of `bytes` at `at`. */
export function writeSync(fd: number, bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += write(fd, bytes, done, bytes.length - done, at + done);
  }
  if (observer !== undefined) observer({ kind: 'write', fd, at, bytes });
}

export function truncateSync(fd: number, size: number): void {
  ftruncate(fd, size);
  observer?.({ kind: 'truncate', fd, size });
}

export function syncSync(fd: number): void {
  fsync(fd);
  observer?.({ kind: 'sync', fd });
}

export function renameSync(from: string, to: string): void {
  rename(from, to);
  observer?.({ kind: 'rename', from, to });
}

export function unlinkSync(path: string): void {
  unlink(path);
  observer?.({ kind: 'unlink', path });
}

/** @param recursive also makes parents, and is content with a directory that is there */
export function makeDirectorySync(path: string, mode: number, recursive = false): void {
  mkdir(path, { mode, recursive });
  observer?.({ kind: 'mkdir', path });
}

/** A new directory with a name that begins with `prefix`, for what need not outlive the run. */
export function makeScratchSync(prefix: string): string {
  const path = mkdtemp(prefix);
  observer?.({ kind: 'mkdir', path });
  return path;
}

/** Removes a file or a directory with all that is in it; a missing one is no error. */
export function removeTreeSync(path: string): void {
  rm(path, { recursive: true, force: true });
  observer?.({ kind: 'remove-tree', path });
}

/** The bytes of one file into another, which need not survive a power cut. */
export function copyFileSync(from: string, to: string): void {
  copyFile(from, to);
  observer?.({ kind: 'copy', from, to });
}

/** Permissions are not observed: no order depends on them. */
export function changeModeSync(path: string, mode: number): void {
  chmod(path, mode);
}

/** Creates a file that must not be there. */
export async function createFile(path: string, mode?: number): Promise<promises.FileHandle> {
  const handle = await promises.open(path, 'wx', mode);
  observer?.({ kind: 'open', fd: handle.fd, path, truncates: true });
  return handle;
}

/** Writes all of `bytes` at `at`. */
export async function writeFully(handle: promises.FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    done += (await handle.write(bytes, done, bytes.byteLength - done, at + done)).bytesWritten;
  }
  observer?.({ kind: 'write', fd: handle.fd, at, bytes });
}

export async function syncHandle(handle: promises.FileHandle): Promise<void> {
  await handle.sync();
  observer?.({ kind: 'sync', fd: handle.fd });
}

/** fsync(2) of a directory: its names are durable. */
export async function syncNames(path: string): Promise<void> {
  const handle = await promises.open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  observer?.({ kind: 'sync-directory', path });
}

export async function renameFile(from: string, to: string): Promise<void> {
  await promises.rename(from, to);
  observer?.({ kind: 'rename', from, to });
}

export async function linkFile(from: string, to: string): Promise<void> {
  await promises.link(from, to);
  observer?.({ kind: 'link', from, to });
}

export async function makeSymlink(target: string, path: string): Promise<void> {
  await promises.symlink(target, path);
  observer?.({ kind: 'symlink', target, path });
}

export async function unlinkFile(path: string): Promise<void> {
  await promises.unlink(path);
  observer?.({ kind: 'unlink', path });
}

export async function makeOneDirectory(path: string): Promise<void> {
  await promises.mkdir(path);
  observer?.({ kind: 'mkdir', path });
}
