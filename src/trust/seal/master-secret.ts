/**
 * The master secret of a publisher: 32 random bytes in a file, from which the content key of every product and
 * epoch follows. Whoever has it reads all that was ever sealed with it. docs/format/sealing.md §2.
 *
 * @module
 */
import { randomBytes } from 'node:crypto';
import * as v from 'valibot';
import { isSiltError, SiltError } from '../../core/errors.ts';
import { KiB } from '../../core/sizes.ts';
import { canonicalJson } from '../../format/canonical-json.ts';
import { parseDocument } from '../../format/document.ts';
import { createExclusive } from '../../io/atomic.ts';
import { readSmallFile } from '../../io/read-small-file.ts';
import { CONTENT_KEY_BYTES, contentKeyOf, derive, type OpenContentKey } from './content-key.ts';

export const SEAL_SECRET_FORMAT = 'silt-seal-secret';
export const SEAL_SECRET_VERSION = 1;

const MAX_SECRET_FILE: number = 4 * KiB;

const secretSchema = v.object({
  format: v.literal(SEAL_SECRET_FORMAT),
  formatVersion: v.literal(SEAL_SECRET_VERSION),
  /** Hexadecimal. */
  secret: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
});

export interface MasterSecret {
  /** For people: where it lies. */
  readonly name: string;
  /** The 32 bytes that seal what `product` publishes in `epoch`. */
  contentKey(product: string, epoch: number): Uint8Array;
}

/** The master secret of these 32 bytes. */
export function masterSecretOf(secret: Uint8Array, name: string): MasterSecret {
  const none = new Uint8Array();
  return {
    name,
    contentKey: (product, epoch) => derive(secret, none, `silt content key 1\0${product}\0${epoch}`),
  };
}

/**
 * Reads the file that {@link writeMasterSecret} made.
 *
 * @throws SiltError KEY_UNUSABLE when there is none that can be read, or it is something else
 */
export async function readMasterSecret(path: string): Promise<MasterSecret> {
  const bytes = await readCapped(path);
  try {
    const { secret } = parseDocument(bytes, secretSchema, {
      what: path,
      format: SEAL_SECRET_FORMAT,
      versions: [SEAL_SECRET_VERSION],
      limit: MAX_SECRET_FILE,
    });
    return masterSecretOf(Buffer.from(secret, 'hex'), path);
  } catch {
    // What the parser says might show a part of a secret.
    throw unusable(path, `expected ${path} to hold a master secret for sealing, found something else`);
  }
}

async function readCapped(path: string): Promise<Uint8Array> {
  const found = await readSmallFile(path, MAX_SECRET_FILE).catch((error: unknown) => {
    if (!isSiltError(error)) throw error;
    throw unusable(path, error.message, error);
  });
  if (found !== undefined) return found;
  throw unusable(path, `expected a master secret for sealing at ${path}, but there is no file`);
}

/**
 * Makes a master secret and writes it to a new file that its owner alone may read.
 *
 * @throws SiltError KEY_UNUSABLE when there is a file already, which is never replaced; NO_SPACE, IO_FAILED
 */
export async function writeMasterSecret(path: string): Promise<MasterSecret> {
  const secret = randomBytes(CONTENT_KEY_BYTES);
  const text = canonicalJson({
    format: SEAL_SECRET_FORMAT,
    formatVersion: SEAL_SECRET_VERSION,
    secret: secret.toString('hex'),
  });
  if ((await createExclusive(path, Buffer.from(text), { mode: 0o600 })) === 'created') {
    return masterSecretOf(secret, path);
  }
  throw unusable(path, `${path} is there already; a master secret is never replaced, so choose another name`);
}

function unusable(path: string, message: string, cause?: unknown): SiltError {
  return new SiltError('KEY_UNUSABLE', message, { details: { path }, cause });
}

/** Content keys for whoever has the master secret. */
export function masterKeys(master: MasterSecret): OpenContentKey {
  return async ({ product, version, sealing }) => {
    if (sealing === undefined) throw new SiltError('INTERNAL', `${product} ${version} is not sealed`);
    const key = contentKeyOf(master.contentKey(product, sealing.epoch));
    if (key.id === sealing.keyId) return key;
    throw new SiltError(
      'SEAL_NOT_RECIPIENT',
      `${master.name} is not the master secret that ${product} ${version} was sealed with; name that one`,
      { details: { product, version, expected: sealing.keyId, found: key.id } },
    );
  };
}
