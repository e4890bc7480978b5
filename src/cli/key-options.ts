/**
 * The options that say where keys lie, and the keys themselves. A directory of keys has the trusted root beside
 * them, `root.json`, which the commands that change it keep up to date.
 *
 * @module
 */
import { statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Command } from 'commander';
import { equalBytes } from '../core/bytes.ts';
import { SiltError } from '../core/errors.ts';
import { replaceFile } from '../io/atomic.ts';
import type { Store } from '../store/store.ts';
import type { Signer } from '../trust/keys/signer.ts';
import type { RepositoryAccess } from '../trust/ledger/live-metadata.ts';
import { type OpenToChangeOptions, openToChange } from './open-to-change.ts';
import { type CommonOptions, collect } from './options.ts';
import { passphraseSource } from './passphrase.ts';
import type { LockFlags } from './put-flags.ts';
import { readOptionFile } from './read-option-file.ts';

export interface KeyFlags {
  readonly keys?: readonly string[];
  readonly root?: string;
  readonly passphraseFile?: string;
}

/** Beside the keys: the newest root that was trusted. */
export const ROOT_FILE = 'root.json';

export interface OpenedKeys {
  readonly signers: readonly Signer[];
  /** Where new keys go by default: the first directory of `--keys`. */
  readonly directory: string | undefined;
  /** The file of the trusted root; `undefined` when none is named and none lies there. */
  readonly rootPath: string | undefined;
}

/** Adds `--keys`, `--root` and `--passphrase-file`. */
export function withKeyOptions(command: Command): Command {
  return command
    .option('--keys <path>', 'keys: a directory or a file; several times; or SILT_KEYS', collect)
    .option('--root <file>', 'the root you trust; by default root.json in the directory of keys')
    .option('--passphrase-file <file>', 'passphrase of the keys; by default it is asked for');
}

/**
 * Loads the keys.
 *
 * @throws SiltError USAGE without any, KEY_UNUSABLE
 */
export async function openKeys(
  flags: KeyFlags,
  env: Readonly<Record<string, string | undefined>>,
): Promise<OpenedKeys> {
  const paths = keyPaths(flags, env);
  if (paths.length === 0) {
    throw new SiltError('USAGE', 'expected --keys DIR (or SILT_KEYS): where do the keys lie?');
  }
  const { loadSigners } = await import('../trust/keys/load-signers.ts');
  const signers = await loadSigners(paths, { passphrase: passphraseSource(flags.passphraseFile) });
  const directory = paths.find((path) => isDirectory(path));
  const beside = directory === undefined ? undefined : join(directory, ROOT_FILE);
  return { signers, directory, rootPath: flags.root ?? beside };
}

/** Where keys lie, by option or environment. */
export function keyPaths(
  flags: KeyFlags,
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  return flags.keys ?? (env.SILT_KEYS ? env.SILT_KEYS.split(delimiter) : []);
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** The trusted root. @throws SiltError USAGE when none is named, IO_FAILED */
export async function readTrustedRoot({ rootPath }: OpenedKeys): Promise<Uint8Array> {
  if (rootPath !== undefined) return await readOptionFile('--root', rootPath);
  throw new SiltError(
    'USAGE',
    'expected --root FILE, as none of --keys is a directory with a root.json in it',
  );
}

export interface OpenedRepository {
  readonly store: Store;
  readonly keys: OpenedKeys;
  readonly access: RepositoryAccess;
}

/** A repository and the keys for it, to change it or to look. */
export async function openSignedRepository(
  options: CommonOptions & KeyFlags & LockFlags,
  opening: Pick<OpenToChangeOptions, 'use' | 'stack' | 'signal'>,
): Promise<OpenedRepository> {
  const { env } = process;
  const keys = await openKeys(options, env);
  const root = await readTrustedRoot(keys);
  const { memoryState } = await import('../trust/tuf/metadata-state.ts');
  const { signers } = keys;
  const store = await openToChange(options.repo, options, { ...opening, env });
  return { store, keys, access: { store, root, signers, state: memoryState() } };
}

/**
 * Keeps the root beside the keys up to date, so that the next command begins with it.
 *
 * @returns the newest root
 */
export async function updateRootFile({ access, keys }: OpenedRepository): Promise<Uint8Array> {
  const { readLive } = await import('../trust/ledger/live-metadata.ts');
  const { encodeEnvelope, envelopeOf } = await import('../trust/ledger/metadata-parts.ts');
  const { root } = await readLive(access);
  const bytes = encodeEnvelope('root', envelopeOf(root));
  // A root that was named is somebody else's file, such as the one a device came with.
  const own = keys.directory === undefined ? undefined : join(keys.directory, ROOT_FILE);
  if (own !== undefined && own === keys.rootPath && !equalBytes(bytes, access.root))
    await replaceFile(own, bytes);
  return bytes;
}
