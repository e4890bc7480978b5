/**
 * Releases whose manifests carry a CMS signature that the policy of a device trusts: of every release that is
 * opened, besides whatever the releases underneath have verified.
 *
 * The signature is kept beside the manifest, so that nothing new costs no request. What certificates are held
 * against is the time of the release; where it has none, the clock, but never before the newest manifest that was
 * verified on this device: a clock of 1970 brings no expired certificate back.
 *
 * @module
 */
import * as v from 'valibot';
import { isSiltError, SiltError } from '../../core/errors.ts';
import type { Manifest } from '../../format/manifest.ts';
import {
  cmsKey,
  type MetadataReader,
  type Releases,
  type TrustedRelease,
  type TrustOptions,
} from '../releases.ts';
import type { MetadataState } from '../tuf/metadata-state.ts';
import { MAX_CMS } from './signed-data.ts';
import { type CertificatePolicy, type VerifiedSigner, verifyDetached } from './verify-cms.ts';

export interface CmsOptions {
  /** Where signatures and the time of the newest manifest are kept between runs. Default: nowhere. */
  readonly state?: MetadataState;
  /** Default: the clock of the system. */
  readonly now?: () => Date;
}

/**
 * `releases`, each with its CMS signature demanded and checked.
 *
 * @param store where the signatures lie
 */
export function withCms(
  releases: Releases,
  store: MetadataReader,
  policy: CertificatePolicy,
  options: CmsOptions = {},
): Releases {
  const open: Releases['open'] = async (product, selector, call = {}) => {
    const release = await releases.open(product, selector, call);
    const time = release.time ?? (await timeOf(options));
    const signer = await verifyRelease(release, store, policy, time, options.state, call);
    if (release.time === undefined) await rememberTime(options.state, release.manifest, signer);
    return release;
  };
  return { open, find: async (...question) => (await open(...question)).manifest };
}

async function verifyRelease(
  { manifest, bytes, key }: TrustedRelease,
  store: MetadataReader,
  policy: CertificatePolicy,
  time: Date,
  state: MetadataState | undefined,
  { signal }: TrustOptions,
): Promise<VerifiedSigner> {
  const name = `manifest-${manifest.product}.p7s`;
  for (const kept of (await state?.read(name)) ?? []) {
    try {
      return await verifyDetached(kept, bytes, policy, time);
    } catch (error) {
      // That of another release, or one that no longer holds: what the store has decides.
      if (!isSiltError(error)) throw error;
    }
  }
  const place = cmsKey(key);
  const found = await store.get(place, { maxBytes: MAX_CMS, ...(signal && { signal }) });
  if (found === undefined) {
    const { product, version } = manifest;
    throw new SiltError(
      'CMS_MISSING',
      `expected a CMS signature of ${product} ${version} at ${place}, found none; publish it with --cms-cert and --cms-key`,
      { details: { key: place, location: store.location } },
    );
  }
  const signer = await verifyDetached(found.bytes, bytes, policy, time);
  await state?.write(name, found.bytes);
  return signer;
}

const TIME_FILE = 'x509-time.json';
const timeSchema = v.object({ created: v.pipe(v.string(), v.isoTimestamp()) });

async function timeOf({ state, now = () => new Date() }: CmsOptions): Promise<Date> {
  const times = [now().getTime(), await newestCreated(state)];
  return new Date(Math.max(...times));
}

/** Milliseconds since 1970, 0 where nothing was verified yet; torn copies count for nothing. */
async function newestCreated(state: MetadataState | undefined): Promise<number> {
  const copies = (await state?.read(TIME_FILE)) ?? [];
  return Math.max(0, ...copies.map(createdIn));
}

function createdIn(copy: Uint8Array): number {
  try {
    return Date.parse(v.parse(timeSchema, JSON.parse(Buffer.from(copy).toString('utf8'))).created) || 0;
  } catch {
    return 0;
  }
}

/**
 * Only while the certificate is valid: a publisher whose clock is wrong must not lead devices to a time in which
 * no certificate holds.
 */
async function rememberTime(
  state: MetadataState | undefined,
  { created }: Manifest,
  { notBefore, notAfter }: VerifiedSigner,
): Promise<void> {
  const time = Date.parse(created);
  if (!(time >= notBefore.getTime() && time <= notAfter.getTime())) return;
  if (state === undefined || time <= (await newestCreated(state))) return;
  await state.write(TIME_FILE, Buffer.from(JSON.stringify({ created })));
}
