/**
 * External signers: a command that gets the bytes on stdin and gives the signature on stdout, so that a key can
 * stay in an HSM or a KMS. A file `<name>.signer.json` says which command, and which public key its signatures
 * are checked with before anybody else sees them.
 *
 * @module
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { dirname } from 'node:path';
import * as v from 'valibot';
import { SiltError } from '../../core/errors.ts';
import { KiB } from '../../core/sizes.ts';
import { parseDocument } from '../../format/document.ts';
import { runCommand } from '../../io/run-command.ts';
import { MAX_KEY_FILE, readKeyFile, unusable } from './file-signer.ts';
import { isSignature, publicKeyOf } from './public-key.ts';
import type { Signer } from './signer.ts';

export const SIGNER_FORMAT = 'silt-signer';
export const SIGNER_VERSION = 1;

/** The largest signature, that of RSA 8192, has one. */
const MAX_SIGNATURE = 16 * KiB;
/** A person may have to touch a token. */
const SIGNER_LIMIT_MS = 60_000;

const signerSchema = v.object({
  format: v.literal(SIGNER_FORMAT),
  formatVersion: v.literal(SIGNER_VERSION),
  /** SubjectPublicKeyInfo, PEM. */
  publicKey: v.pipe(v.string(), v.maxLength(16 * KiB)),
  scheme: v.picklist(['ed25519', 'ecdsa-sha2-nistp256', 'rsassa-pss-sha256']),
  /** The program and its arguments; no shell reads them. */
  command: v.pipe(v.array(v.pipe(v.string(), v.maxLength(4 * KiB))), v.minLength(1), v.maxLength(64)),
});

export interface CommandSignerOptions {
  /** Longest that the command may take, in milliseconds. Default one minute. */
  readonly limitMs?: number;
  /** Milliseconds from SIGTERM to SIGKILL, when it has taken longer. */
  readonly graceMs?: number;
}

/**
 * The signer that the file describes. The command runs in the directory of the file, with the environment and the
 * terminal of this process, so that it may ask for a PIN.
 *
 * @throws SiltError KEY_UNUSABLE: unreadable, not of this format, or the key is of another kind than the scheme
 */
export async function loadCommandSigner(path: string, options: CommandSignerOptions = {}): Promise<Signer> {
  const bytes = await readKeyFile(path);
  let document: v.InferOutput<typeof signerSchema>;
  let key: KeyObject;
  try {
    document = parseDocument(bytes, signerSchema, {
      what: 'signer',
      format: SIGNER_FORMAT,
      versions: [SIGNER_VERSION],
      limit: MAX_KEY_FILE,
    });
    key = createPublicKey(document.publicKey);
  } catch (error) {
    throw unusable(path, error instanceof Error ? error.message : String(error), error);
  }
  const publicKey = publicKeyOf(key, path);
  if (publicKey.scheme !== document.scheme) {
    throw unusable(path, `its scheme is ${document.scheme}, but its key is one of ${publicKey.scheme}`);
  }
  const { command } = document;
  return {
    publicKey,
    name: path,
    async sign(data) {
      // Who closes stdin early has not signed what it did not read; the check of the signature finds that.
      const { stdout: signature } = await runCommand(command, {
        ...options,
        limitMs: options.limitMs ?? SIGNER_LIMIT_MS,
        code: 'SIGNER_FAILED',
        what: `the signer ${path}`,
        cwd: dirname(path),
        env: 'ours',
        session: 'ours',
        input: data,
        maxOutput: MAX_SIGNATURE,
      });
      if (isSignature(publicKey, data, signature)) return signature;
      const problem = `its ${signature.length} bytes are no ${publicKey.scheme} signature by its public key`;
      throw new SiltError(
        'SIGNER_FAILED',
        `the signer ${path} ("${command.join(' ')}") failed: ${problem}; check command and key`,
        { details: { path } },
      );
    },
  };
}
