/**
 * Content keys for a recipient: out of the envelope that the manifest names, with a certificate and its key.
 *
 * @module
 */
import type { KeyObject } from 'node:crypto';
import { sha256Hex } from '../../core/digest.ts';
import { SiltError } from '../../core/errors.ts';
import type { Sealing } from '../../format/manifest.ts';
import type { MetadataReader } from '../releases.ts';
import { type ContentKey, contentKeyOf, type OpenContentKey } from './content-key.ts';

export interface Recipient {
  /** PEM. */
  readonly certificate: string;
  /** PEM of PKCS#8, or the key itself. */
  readonly privateKey: string | KeyObject;
}

/** Where the envelope of a release lies. */
export function envelopeKey({ envelope }: Pick<Sealing, 'envelope'>): string {
  return `keys/${envelope.sha256}`;
}

/**
 * The envelope, as long as the manifest says and with its digest.
 *
 * @throws SiltError OBJECT_MISSING, DIGEST_MISMATCH (transient: a cache on the way may be wrong), NETWORK, …
 */
export async function readEnvelope(
  store: MetadataReader,
  sealing: Pick<Sealing, 'envelope'>,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const { size, sha256 } = sealing.envelope;
  const key = envelopeKey(sealing);
  const options = { maxBytes: size, ...(signal && { signal }) };
  const isRight = (bytes: Uint8Array): boolean => bytes.length === size && sha256Hex(bytes) === sha256;
  let found = await store.get(key, options);
  // Once more past the caches on the way and, of several repositories, elsewhere.
  if (found !== undefined && !isRight(found.bytes)) found = await store.get(key, { ...options, fresh: true });
  if (found === undefined) {
    throw new SiltError(
      'OBJECT_MISSING',
      `expected the object ${key} in ${store.location}, but there is none`,
      {
        details: { key, location: store.location },
      },
    );
  }
  if (isRight(found.bytes)) return found.bytes;
  throw new SiltError(
    'DIGEST_MISMATCH',
    `${store.location}: ${key} was altered or truncated; run "silt verify" on the repository`,
    { details: { key }, transient: true },
  );
}

/**
 * Content keys for the recipient, read from `store`; each envelope once.
 */
export function recipientKeys(store: MetadataReader, recipient: Recipient): OpenContentKey {
  const opened = new Map<string, ContentKey>();
  return async ({ product, version, sealing }, metered = store) => {
    if (sealing === undefined) throw new SiltError('INTERNAL', `${product} ${version} is not sealed`);
    const known = opened.get(sealing.envelope.sha256) ?? (await openEnvelope(metered, sealing, recipient));
    if (known.id === sealing.keyId) {
      opened.set(sealing.envelope.sha256, known);
      return known;
    }
    throw new SiltError(
      'SEAL_BROKEN',
      `${product} ${version}: its envelope holds another content key than the manifest says; publish the release again`,
      { details: { product, version, expected: sealing.keyId, found: known.id } },
    );
  };
}

async function openEnvelope(
  store: MetadataReader,
  sealing: Sealing,
  recipient: Recipient,
): Promise<ContentKey> {
  const envelope = await readEnvelope(store, sealing);
  // Loaded when needed: most devices have nothing to unseal.
  const { unwrapContentKey } = await import('./envelope.ts');
  return contentKeyOf(await unwrapContentKey(envelope, recipient));
}
