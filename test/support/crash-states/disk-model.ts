/**
 * A model of a POSIX file system with a page cache: what is durable, and what may or may not have reached the
 * medium yet. It promises no more than POSIX does: fsync(2) of a file makes its bytes durable and not its name,
 * fsync(2) of a directory makes its names durable and not the bytes behind them, and between two of them the
 * medium may have been written in any order. Names that were changed by one call change together, as far as
 * they stand in one directory; of a rename(2) between two, the old name may outlive the cut, the file may not
 * be lost.
 *
 * @module
 */
import { basename, dirname } from 'node:path';
import type { LogEntry } from './disk-log.ts';

export type DataChange =
  | { readonly kind: 'write'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly size: number }
  /** The length of a write that reached the medium without its bytes. */
  | { readonly kind: 'extend'; readonly size: number };

export interface FileNode {
  readonly kind: 'file';
  durable: Uint8Array;
  /** In the order of the calls. */
  pending: DataChange[];
}

/** Names that change together; `undefined` takes a name away. */
export interface NameChange {
  readonly names: readonly (readonly [string, DiskNode | undefined])[];
  /** Happens only if this has happened as well, or is durable. */
  readonly after?: NameChange;
}

export interface DirectoryNode {
  readonly kind: 'directory';
  readonly current: Map<string, DiskNode>;
  readonly durable: Map<string, DiskNode>;
  pending: NameChange[];
}

/** A symbolic link, whose target comes and goes with its name. */
export interface LinkNode {
  readonly kind: 'link';
  readonly target: string;
  readonly pending: readonly never[];
}

export type DiskNode = FileNode | DirectoryNode | LinkNode;

export function newDirectory(): DirectoryNode {
  return { kind: 'directory', current: new Map(), durable: new Map(), pending: [] };
}

export class DiskModel {
  readonly root: DirectoryNode;
  readonly #open = new Map<number, FileNode>();

  /** @param root what is there, all of it durable */
  constructor(root: DirectoryNode) {
    this.root = root;
  }

  /** Names and bytes that a power cut now could still undo. */
  get pending(): number {
    return [...reachable(this.root)].reduce((sum, { pending }) => sum + pending.length, 0);
  }

  apply(entry: LogEntry): void {
    switch (entry.kind) {
      case 'promised':
        return;
      case 'open': {
        const there = this.#find(entry.path);
        const file = there ?? this.#place(entry.path, newFile());
        if (file.kind !== 'file') throw new Error(`${entry.path} is a directory in the model`);
        if (entry.truncates && there !== undefined) file.pending.push({ kind: 'truncate', size: 0 });
        this.#open.set(entry.fd, file);
        return;
      }
      case 'write':
        this.#file(entry.fd).pending.push({ kind: 'write', at: entry.at, bytes: entry.bytes });
        return;
      case 'truncate':
        this.#file(entry.fd).pending.push({ kind: 'truncate', size: entry.size });
        return;
      case 'sync':
        settle(this.#file(entry.fd));
        return;
      case 'copy': {
        const from = this.#existing(entry.from);
        if (from.kind !== 'file') throw new Error(`${entry.from} is no file in the model`);
        const there = this.#find(entry.to);
        const to = there ?? this.#place(entry.to, newFile());
        if (to.kind !== 'file') throw new Error(`${entry.to} is a directory in the model`);
        if (there !== undefined) to.pending.push({ kind: 'truncate', size: 0 });
        to.pending.push({ kind: 'write', at: 0, bytes: changed(from.durable, from.pending) });
        return;
      }
      case 'link':
        this.#place(entry.to, this.#existing(entry.from));
        return;
      case 'symlink':
        this.#place(entry.path, { kind: 'link', target: entry.target, pending: [] });
        return;
      case 'rename':
        this.#rename(entry.from, entry.to);
        return;
      case 'unlink':
        this.#change(entry.path, undefined);
        return;
      case 'remove-tree':
        if (this.#find(entry.path) !== undefined) this.#removeTree(entry.path);
        return;
      case 'mkdir':
        this.#makeDirectory(entry.path);
        return;
      case 'sync-directory': {
        const directory = this.#directory(entry.path);
        for (const { names } of directory.pending) setNames(directory.durable, names);
        directory.pending = [];
        return;
      }
    }
  }

  #rename(from: string, to: string): void {
    const node = this.#existing(from);
    // Two names of one file: rename(2) leaves both.
    if (this.#find(to) === node) return;
    const [old, next] = [this.#parent(from), this.#parent(to)];
    if (old === next) {
      note(old, {
        names: [
          [basename(to), node],
          [basename(from), undefined],
        ],
      });
      return;
    }
    const added = note(next, { names: [[basename(to), node]] });
    note(old, { names: [[basename(from), undefined]], after: added });
  }

  #makeDirectory(path: string): void {
    if (path === '' || this.#find(path) !== undefined) return;
    this.#makeDirectory(parentOf(path));
    this.#place(path, newDirectory());
  }

  #removeTree(path: string): void {
    const node = this.#existing(path);
    if (node.kind === 'directory')
      for (const name of node.current.keys()) this.#removeTree(`${path}/${name}`);
    this.#change(path, undefined);
  }

  #place(path: string, node: DiskNode): DiskNode {
    this.#change(path, node);
    return node;
  }

  #change(path: string, node: DiskNode | undefined): void {
    note(this.#parent(path), { names: [[basename(path), node]] });
  }

  #file(fd: number): FileNode {
    const file = this.#open.get(fd);
    if (file === undefined) throw new Error(`no file with the number ${fd} is open in the model`);
    return file;
  }

  #find(path: string): DiskNode | undefined {
    let node: DiskNode | undefined = this.root;
    for (const name of path === '' ? [] : path.split('/')) {
      node = node?.kind === 'directory' ? node.current.get(name) : undefined;
    }
    return node;
  }

  #existing(path: string): DiskNode {
    const node = this.#find(path);
    if (node === undefined) throw new Error(`${path} is not in the model`);
    return node;
  }

  #directory(path: string): DirectoryNode {
    const node = this.#existing(path);
    if (node.kind !== 'directory') throw new Error(`${path} is no directory in the model`);
    return node;
  }

  #parent(path: string): DirectoryNode {
    return this.#directory(parentOf(path));
  }
}

/** Everything that a cut may leave a name of. */
export function reachable(root: DirectoryNode): Set<DiskNode> {
  const seen = new Set<DiskNode>();
  const visit = (node: DiskNode | undefined): void => {
    if (node === undefined || seen.has(node)) return;
    seen.add(node);
    if (node.kind !== 'directory') return;
    for (const child of node.durable.values()) visit(child);
    for (const { names } of node.pending) for (const [, child] of names) visit(child);
  };
  visit(root);
  return seen;
}

/** The bytes after `changes`, which are applied in their order. */
export function changed(bytes: Uint8Array, changes: readonly DataChange[]): Uint8Array {
  const sizes = changes.map((each) => (each.kind === 'write' ? each.at + each.bytes.length : each.size));
  const room = new Uint8Array(Math.max(bytes.length, ...sizes));
  room.set(bytes);
  let size = bytes.length;
  for (const change of changes) {
    if (change.kind === 'write') {
      room.set(change.bytes, change.at);
      size = Math.max(size, change.at + change.bytes.length);
    } else if (change.kind === 'extend') {
      size = Math.max(size, change.size);
    } else {
      if (change.size < size) room.fill(0, change.size, size);
      size = change.size;
    }
  }
  return room.subarray(0, size);
}

export function setNames(map: Map<string, DiskNode>, names: NameChange['names']): void {
  for (const [name, node] of names) {
    if (node === undefined) map.delete(name);
    else map.set(name, node);
  }
}

function note(directory: DirectoryNode, change: NameChange): NameChange {
  setNames(directory.current, change.names);
  directory.pending.push(change);
  return change;
}

function settle(file: FileNode): void {
  file.durable = changed(file.durable, file.pending);
  file.pending = [];
}

function newFile(): FileNode {
  return { kind: 'file', durable: new Uint8Array(), pending: [] };
}

function parentOf(path: string): string {
  const parent = dirname(path);
  return parent === '.' ? '' : parent;
}
