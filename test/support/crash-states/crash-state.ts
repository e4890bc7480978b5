/**
 * One state that a power cut may leave: worked out from the model, and put on a real disk for recovery to meet.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import {
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Choice } from './crash-choices.ts';
import {
  changed,
  type DirectoryNode,
  type DiskNode,
  type FileNode,
  type NameChange,
  newDirectory,
  reachable,
  setNames,
} from './disk-model.ts';

/** What stands at each path, in the order of making: a directory, a symbolic link, or a file's bytes and which file it is. */
export type CrashState = ReadonlyMap<
  string,
  'directory' | { readonly link: string } | { readonly node: FileNode; readonly bytes: Uint8Array }
>;

/** The state that `choice` makes of what is pending below `root`. */
export function crashState(root: DirectoryNode, choice: Choice): CrashState {
  const kept = keptNames(root, choice);
  const bytes = new Map<FileNode, Uint8Array>();
  const state = new Map<string, 'directory' | { link: string } | { node: FileNode; bytes: Uint8Array }>();
  const visit = (directory: DirectoryNode, path: string): void => {
    const names = new Map(directory.durable);
    for (const change of directory.pending) if (kept.has(change)) setNames(names, change.names);
    for (const [name, node] of [...names].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const at = path === '' ? name : `${path}/${name}`;
      if (node.kind === 'directory') {
        state.set(at, 'directory');
        visit(node, at);
        continue;
      }
      if (node.kind === 'link') {
        state.set(at, { link: node.target });
        continue;
      }
      let content = bytes.get(node);
      if (content === undefined) {
        content = changed(
          node.durable,
          node.pending.flatMap((change) => choice.left(change)),
        );
        bytes.set(node, content);
      }
      state.set(at, { node, bytes: content });
    }
  };
  visit(root, '');
  return state;
}

/** A digest of everything in a state, to tell states from one another. */
export function stateDigest(state: CrashState, digests: WeakMap<Uint8Array, string>): string {
  const hash = createHash('sha1');
  const numbers = new Map<FileNode, number>();
  for (const [path, entry] of state) {
    hash.update(`\0${path}\0`);
    if (entry === 'directory') continue;
    if ('link' in entry) {
      hash.update(`-> ${entry.link}`);
      continue;
    }
    let digest = digests.get(entry.bytes);
    if (digest === undefined) {
      digest = createHash('sha1').update(entry.bytes).digest('hex');
      digests.set(entry.bytes, digest);
    }
    // Two names of one file are another state than two files with the same bytes.
    if (!numbers.has(entry.node)) numbers.set(entry.node, numbers.size);
    hash.update(`${numbers.get(entry.node)} ${digest}`);
  }
  return hash.digest('hex');
}

/** Makes the directory at `root` hold the state, and nothing else. */
export function putState(root: string, state: CrashState): void {
  for (const name of readdirSync(root)) rmSync(join(root, name), { recursive: true });
  const made = new Map<FileNode, string>();
  for (const [path, entry] of state) {
    const at = join(root, path);
    if (entry === 'directory') {
      mkdirSync(at);
      continue;
    }
    if ('link' in entry) {
      symlinkSync(entry.link, at);
      continue;
    }
    const other = made.get(entry.node);
    if (other !== undefined) linkSync(other, at);
    else writeFileSync(at, entry.bytes);
    made.set(entry.node, at);
  }
}

/** What is on the disk below `root`, all of it durable. */
export function readState(root: string): DirectoryNode {
  return readDirectory(root, new Map());
}

/** @param linked files with several names, by their numbers */
function readDirectory(root: string, linked: Map<number, FileNode>): DirectoryNode {
  const directory = newDirectory();
  for (const name of readdirSync(root)) {
    const path = join(root, name);
    const node = readNode(path, linked);
    directory.current.set(name, node);
    directory.durable.set(name, node);
  }
  return directory;
}

function readNode(path: string, linked: Map<number, FileNode>): DiskNode {
  const stats = lstatSync(path);
  if (stats.isDirectory()) return readDirectory(path, linked);
  if (stats.isSymbolicLink()) return { kind: 'link', target: readlinkSync(path), pending: [] };
  const known = linked.get(stats.ino);
  if (known !== undefined) return known;
  const file: FileNode = { kind: 'file', durable: readFileSync(path), pending: [] };
  if (stats.nlink > 1) linked.set(stats.ino, file);
  return file;
}

/** The changes of names that reached the medium: none without the one that has to come before it. */
function keptNames(root: DirectoryNode, choice: Choice): ReadonlySet<NameChange> {
  const pending = [...reachable(root)].flatMap((node) => (node.kind === 'directory' ? node.pending : []));
  const kept = new Set(pending.filter((change) => choice.keepsName(change)));
  const open = new Set(pending);
  for (const change of pending) {
    if (change.after !== undefined && open.has(change.after) && !kept.has(change.after)) kept.delete(change);
  }
  return kept;
}
