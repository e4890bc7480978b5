/**
 * How a release is sealed: its epoch and content key, and the envelope that holds the key for its recipients.
 * All of it follows from the master secret and from what the repository says; a publisher keeps nothing else.
 *
 * @module
 */
import { sha256Hex } from '../core/digest.ts';
import { SiltError } from '../core/errors.ts';
import type { Manifest, Sealing } from '../format/manifest.ts';
import type { ReadStore } from '../store/store.ts';
import type { ReleaseLedger } from '../trust/releases.ts';
import { type ContentKey, contentKeyOf } from '../trust/seal/content-key.ts';
import { chooseEpoch, ofLastEpoch, type SealedRelease } from '../trust/seal/epoch.ts';
import type { MasterSecret } from '../trust/seal/master-secret.ts';
import { readEnvelope } from '../trust/seal/recipient-keys.ts';

export interface SealingOptions {
  readonly master: MasterSecret;
  /** Certificates, PEM: whose keys open the release. */
  readonly recipients: readonly string[];
}

export interface SealingPlan {
  readonly key: ContentKey;
  /** For the manifest. */
  readonly sealing: Sealing;
  /** To be stored, unless the repository has it. */
  readonly envelope: Uint8Array | undefined;
}

/**
 * Plans how the next release of `product` is sealed.
 *
 * @throws SiltError USAGE without recipients, KEY_UNUSABLE for a certificate that nothing can be wrapped for,
 *   DIGEST_MISMATCH or OBJECT_MISSING for a damaged repository, store errors
 */
export async function planSealing(
  store: ReadStore,
  ledger: ReleaseLedger,
  product: string,
  { master, recipients }: SealingOptions,
  signal?: AbortSignal,
): Promise<SealingPlan> {
  requireRecipients(recipients);
  // Loaded when needed: most publishers have nothing to seal.
  const { recipientIdOf, wrapContentKey } = await import('../trust/seal/envelope.ts');
  const keyIdOf = (epoch: number): string => contentKeyOf(master.contentKey(product, epoch)).id;
  const releases = await sealedReleases(store, ledger, product, signal);
  const { epoch, envelope } = chooseEpoch(releases, recipients.map(recipientIdOf), keyIdOf);
  const bytes = master.contentKey(product, epoch);
  const key = contentKeyOf(bytes);
  const common = { cipher: 'aes-256-gcm', epoch, keyId: key.id } as const;
  if (envelope !== undefined) return { key, sealing: { ...common, envelope }, envelope: undefined };
  const wrapped = await wrapContentKey(bytes, recipients);
  const place = { sha256: sha256Hex(wrapped), size: wrapped.length };
  return { key, sealing: { ...common, envelope: place }, envelope: wrapped };
}

function requireRecipients(recipients: readonly string[]): void {
  if (recipients.length > 0) return;
  throw new SiltError('USAGE', 'expected recipients to seal for, found none; name their certificates');
}

/** Releases of the product that have its last epoch, and their recipients. */
async function sealedReleases(
  store: ReadStore,
  ledger: ReleaseLedger,
  product: string,
  signal: AbortSignal | undefined,
): Promise<SealedRelease[]> {
  const found: { readonly sealing: Sealing }[] = [];
  for await (const manifest of ledger.all({ signal })) {
    const { sealing } = manifest;
    if (manifest.product === product && sealing !== undefined) found.push({ sealing });
  }
  const ids = new Map<string, readonly string[]>();
  const releases: SealedRelease[] = [];
  for (const { sealing } of ofLastEpoch(found)) {
    const { sha256 } = sealing.envelope;
    const recipientIds = ids.get(sha256) ?? (await recipientIdsIn(store, sealing, signal));
    ids.set(sha256, recipientIds);
    releases.push({ sealing, recipientIds });
  }
  return releases;
}

async function recipientIdsIn(
  store: ReadStore,
  sealing: Sealing,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const { recipientIdsOf } = await import('../trust/seal/envelope.ts');
  return recipientIdsOf(await readEnvelope(store, sealing, signal));
}

/**
 * Holds a release that is there already to what was asked for: a version means one thing for ever, and those who
 * may read it are part of that.
 *
 * @throws SiltError RELEASE_EXISTS; what reading its envelope throws
 */
export async function requireSameSealing(
  store: ReadStore,
  existing: Manifest,
  options: SealingOptions | undefined,
  signal?: AbortSignal,
): Promise<void> {
  const { product, version, sealing } = existing;
  const differs = (how: string): SiltError =>
    new SiltError(
      'RELEASE_EXISTS',
      `${product} ${version} is published already, ${how}; choose another version`,
      { details: { product, version } },
    );
  if (sealing === undefined || options === undefined) {
    if (sealing === undefined && options === undefined) return;
    throw differs(sealing === undefined ? 'not sealed' : 'and sealed');
  }
  const { recipientIdOf } = await import('../trust/seal/envelope.ts');
  const found = new Set(await recipientIdsIn(store, sealing, signal));
  const wanted = new Set(options.recipients.map(recipientIdOf));
  const same = found.size === wanted.size && [...wanted].every((id) => found.has(id));
  if (!same) throw differs('and sealed for other recipients');
}
