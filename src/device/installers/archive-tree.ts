/**
 * What an archive says it holds, name by name, before any of it is written: a pure model that refuses whatever
 * could leave its directory or be read in two ways.
 *
 * A name is relative, has no `..`, stands once, and lies in directories of this archive alone, never behind a
 * link. A hard link names a file that came before it. A symbolic link may point anywhere inside, followed as the
 * kernel would through all other links; that is checked when all are known. Names that differ in case only are
 * two names here, and an error when the file system takes them for one.
 *
 * @module
 */
import { SiltError } from '../../core/errors.ts';

/** Longest name and longest path in bytes: NAME_MAX and PATH_MAX of Linux. */
const MAX_NAME = 255;
const MAX_PATH = 4095;
const MAX_DEPTH = 64;
/** Links that one path may lead through: MAXSYMLINKS of Linux. */
const MAX_LINKS = 40;

type Node =
  /** `implied`: it was needed before it was described. */
  | { readonly kind: 'directory'; implied: boolean }
  | { readonly kind: 'file' }
  | { readonly kind: 'link'; readonly target: string };

export interface Placed {
  /** From the top of the tree, without `.`; empty for the top itself. */
  readonly path: string;
  /** Directories that are to be made first, from the top. */
  readonly parents: readonly string[];
  /** It is a directory that was made already, as a parent. */
  readonly isThere: boolean;
}

export class ArchiveTree {
  readonly #nodes = new Map<string, Node>([['', { kind: 'directory', implied: true }]]);

  /** @throws SiltError INSTALL_FAILED */
  addFile(name: string): Placed {
    return this.#add(name, { kind: 'file' });
  }

  addDirectory(name: string): Placed {
    return this.#add(name, { kind: 'directory', implied: false });
  }

  addSymlink(name: string, target: string): Placed {
    if (target === '' || target.startsWith('/') || hasNul(target) || Buffer.byteLength(target) > MAX_PATH) {
      throw refused(name, `it is a symbolic link to ${shown(target)}, which is not inside`);
    }
    return this.#add(name, { kind: 'link', target });
  }

  /** @returns also the path of the file it is another name of */
  addHardLink(name: string, target: string): Placed & { readonly existing: string } {
    const existing = partsOf(target).join('/');
    if (this.#nodes.get(existing)?.kind !== 'file') {
      throw refused(name, `it is a hard link to ${shown(target)}, which is no file before it in the archive`);
    }
    return { ...this.#add(name, { kind: 'file' }), existing };
  }

  /** Follows every symbolic link. @throws SiltError INSTALL_FAILED when one leads out, or round in a circle */
  checkLinks(): void {
    for (const [path, node] of this.#nodes) if (node.kind === 'link') this.#follow(path, node.target);
  }

  #add(name: string, node: Node): Placed {
    const parts = partsOf(name);
    const path = parts.join('/');
    const parents: string[] = [];
    for (let depth = 1; depth < parts.length; depth++) {
      const parent = parts.slice(0, depth).join('/');
      const found = this.#nodes.get(parent);
      if (found === undefined) {
        this.#nodes.set(parent, { kind: 'directory', implied: true });
        parents.push(parent);
      } else if (found.kind !== 'directory') throw refused(name, `${shown(parent)} is no directory`);
    }
    const found = this.#nodes.get(path);
    if (found === undefined) this.#nodes.set(path, node);
    else if (node.kind === 'directory' && found.kind === 'directory' && found.implied) found.implied = false;
    else throw refused(name, 'the name stands twice in the archive');
    return { path, parents, isThere: found !== undefined };
  }

  #follow(link: string, target: string): void {
    const at = link.split('/').slice(0, -1);
    const ahead = target.split('/').reverse();
    let links = 1;
    while (ahead.length > 0) {
      const part = ahead.pop();
      if (part === undefined || part === '' || part === '.') continue;
      if (part === '..') {
        if (at.pop() === undefined)
          throw refused(link, `it is a symbolic link to ${shown(target)}, which leads out`);
        continue;
      }
      at.push(part);
      const found = this.#nodes.get(at.join('/'));
      if (found?.kind !== 'link') continue;
      if (++links > MAX_LINKS) throw refused(link, 'it leads through too many symbolic links');
      at.pop();
      ahead.push(...found.target.split('/').reverse());
    }
  }
}

/** The parts of a name; `.` and doubled slashes mean nothing. */
function partsOf(name: string): string[] {
  if (name.startsWith('/')) throw refused(name, 'it is absolute');
  if (hasNul(name)) throw refused(name, 'it has a NUL in it');
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw refused(name, 'it has .. in it');
  const isLong =
    Buffer.byteLength(name) > MAX_PATH || parts.some((part) => Buffer.byteLength(part) > MAX_NAME);
  if (isLong || parts.length > MAX_DEPTH) throw refused(name, 'it is too long or too deep');
  return parts;
}

const hasNul = (text: string): boolean => text.includes('\0');

const shown = (name: string): string => JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name);

function refused(name: string, why: string): SiltError {
  const message = `the archive has an entry ${shown(name)} that is refused: ${why}; make the archive anew without it`;
  return new SiltError('INSTALL_FAILED', message, { details: { entry: name.slice(0, 200) } });
}
