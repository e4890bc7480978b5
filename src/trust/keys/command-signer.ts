/**
 * External signers: a command that gets the bytes on stdin and gives the signature on stdout, so that a key can
 * stay in an HSM or a KMS. A file `<name>.signer.json` says which command, and which public key its signatures
 * are checked with before anybody else sees them.
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { createPublicKey, type KeyObject } from 'node:crypto';
import { dirname } from 'node:path';
import * as v from 'valibot';
import { SiltError } from '../../core/errors.ts';
import { KiB } from '../../core/sizes.ts';
import { parseDocument } from '../../format/document.ts';
import { MAX_KEY_FILE, readKeyFile, unusable } from './file-signer.ts';
import { isSignature, publicKeyOf } from './public-key.ts';
import type { Signer } from './signer.ts';

export const SIGNER_FORMAT = 'silt-signer';
export const SIGNER_VERSION = 1;

/** The largest signature, that of RSA 8192, has one. */
const MAX_SIGNATURE = 16 * KiB;
/** Kept of what the command says when it fails. */
const MAX_COMPLAINT = 4 * KiB;
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
}

/**
 * The signer that the file describes. The command runs in the directory of the file, with the environment of
 * this process.
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
      const signature = await run(path, command, data, options.limitMs ?? SIGNER_LIMIT_MS);
      if (isSignature(publicKey, data, signature)) return signature;
      throw failed(
        path,
        command,
        `its ${signature.length} bytes are no ${publicKey.scheme} signature by its public key; check command and key`,
      );
    },
  };
}

async function run(
  path: string,
  [program = '', ...args]: readonly string[],
  input: Uint8Array,
  limitMs: number,
): Promise<Buffer> {
  const command = [program, ...args];
  const child = spawn(program, args, { cwd: dirname(path), stdio: 'pipe', shell: false });
  const [output, complaints] = [collector(MAX_SIGNATURE), collector(MAX_COMPLAINT)];
  child.stdout.on('data', output.add).on('error', () => {});
  child.stderr.on('data', complaints.add).on('error', () => {});
  // Who closes stdin early has not signed what it did not read; the check of the signature finds that.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const timer = setTimeout(() => {
    child.kill('SIGKILL');
    child.stdout.destroy();
    child.stderr.destroy();
    reject(failed(path, command, `it took longer than ${limitMs / 1000} s`));
  }, limitMs);
  child.on('error', (error) => reject(failed(path, command, `it did not start: ${error.message}`, error)));
  child.on('close', (status, signal) => {
    if (status !== 0) reject(failed(path, command, ended(status, signal, complaints.bytes())));
    else if (output.isFull()) reject(failed(path, command, `it wrote more than ${MAX_SIGNATURE} bytes`));
    else resolve(output.bytes());
  });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}

/** Keeps the first `limit` bytes and lets the rest pass. */
function collector(limit: number) {
  const kept: Buffer[] = [];
  let total = 0;
  return {
    add: (bytes: Buffer): void => {
      if (total < limit) kept.push(bytes.subarray(0, limit - total));
      total += bytes.length;
    },
    bytes: (): Buffer => Buffer.concat(kept),
    isFull: (): boolean => total > limit,
  };
}

function ended(status: number | null, signal: string | null, complaints: Buffer): string {
  const line = complaints.toString('utf8').trim().split('\n', 1)[0];
  const how = status === null ? `was killed by ${signal}` : `ended with status ${status}`;
  return `it ${how}${line ? `: ${line}` : ''}`;
}

function failed(path: string, command: readonly string[], why: string, cause?: unknown): SiltError {
  return new SiltError('SIGNER_FAILED', `the signer ${path} ("${command.join(' ')}") failed: ${why}`, {
    details: { path },
    ...(cause !== undefined && { cause }),
  });
}
