/**
 * The keys at hand: private keys and external signers, from files and directories. Which of them signs what is
 * found by key id, so nothing is configured.
 *
 * @module
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { loadCommandSigner } from './command-signer.ts';
import { loadKeyFile, type PassphraseSource, unusable } from './file-signer.ts';
import type { Signer } from './signer.ts';

/** Files looked at in a directory; a directory of more is something else than one of keys. */
const MAX_FILES = 256;

const SIGNER_FILE = /\.signer\.json$/;
const PEM_FILE = /\.pem$/;

export interface LoadSignersOptions {
  /** Asked at most once, and only when a key is encrypted. */
  readonly passphrase?: PassphraseSource | undefined;
}

/**
 * Every signer in `paths`: files, and directories with `*.pem` and `*.signer.json`. In a directory, PEM files
 * without a private key (certificates, public keys) are passed over; one that is named must hold one. A key
 * that lies there twice is one signer.
 *
 * @throws SiltError KEY_UNUSABLE, naming the file
 */
export async function loadSigners(
  paths: readonly string[],
  options: LoadSignersOptions = {},
): Promise<Signer[]> {
  const passphrase = onlyOnce(options.passphrase);
  const signers = new Map<string, Signer>();
  for (const path of paths) {
    const isDirectory = await isDirectoryAt(path);
    for (const file of isDirectory ? await keyFilesIn(path) : [path]) {
      const signer = await loadSigner(file, passphrase);
      if (signer !== undefined && !signers.has(signer.publicKey.keyId)) {
        signers.set(signer.publicKey.keyId, signer);
      }
      if (signer === undefined && !isDirectory) throw unusable(file, 'it holds no private key in PKCS#8 PEM');
    }
  }
  return [...signers.values()];
}

async function loadSigner(
  file: string,
  passphrase: PassphraseSource | undefined,
): Promise<Signer | undefined> {
  return SIGNER_FILE.test(file) ? await loadCommandSigner(file) : await loadKeyFile(file, passphrase);
}

function onlyOnce(source: PassphraseSource | undefined): PassphraseSource | undefined {
  let asked: Promise<Buffer> | undefined;
  if (source === undefined) return undefined;
  return () => {
    asked ??= source();
    return asked;
  };
}

async function isDirectoryAt(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    throw unusable(path, 'there is no such file or directory; check the path', error);
  }
}

async function keyFilesIn(directory: string): Promise<string[]> {
  let names: string[];
  try {
    names = await readdir(directory);
  } catch (error) {
    throw unusable(directory, error instanceof Error ? error.message : String(error), error);
  }
  const found = names.filter((name) => PEM_FILE.test(name) || SIGNER_FILE.test(name)).sort();
  if (found.length > MAX_FILES) {
    throw unusable(directory, `it holds ${found.length} files of keys, more than ${MAX_FILES}`);
  }
  return found.map((name) => join(directory, name));
}
