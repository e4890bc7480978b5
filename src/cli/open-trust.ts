/**
 * A trust policy made real: the releases that it lets through, and where a device remembers what it has seen.
 * Only the code that a policy needs is loaded.
 *
 * @module
 */
import { join } from 'node:path';
import { sha256Hex } from '../core/digest.ts';
import { SiltError } from '../core/errors.ts';
import { MiB } from '../core/sizes.ts';
import type { ProductListing } from '../trust/product-listing.ts';
import type { MetadataReader, Releases, TrustOptions } from '../trust/releases.ts';
import { lookingTwice } from '../trust/second-look.ts';
import { type MetadataState, memoryState } from '../trust/tuf/metadata-state.ts';
import type { CertificatePolicy } from '../trust/x509/verify-cms.ts';
import { readOptionFile, readOptionText } from './read-option-file.ts';
import type { CertificateFiles, TrustMode, TrustPolicy } from './trust-options.ts';

export interface Trust {
  readonly mode: TrustMode;
  /** The releases of a repository that the policy lets through. */
  releases(store: MetadataReader): Releases;
  /** Every product of it. Under `x509` the list itself is not signed, only each release is. */
  products(store: MetadataReader, options?: TrustOptions): Promise<readonly ProductListing[]>;
}

/** What named each file, for messages. */
export interface TrustNames {
  readonly root: string;
  readonly anchors: string;
  readonly intermediates: string;
  readonly crls: string;
}

const OPTION_NAMES: TrustNames = {
  root: '--root',
  anchors: '--anchors',
  intermediates: '--intermediates',
  crls: '--crl',
};

export interface OpenTrustOptions {
  /** The directory under which a device remembers what it has verified. */
  readonly stateDirectory: string;
  /** Remember nothing beyond this run: a dry run writes nothing. */
  readonly forget?: boolean | undefined;
  /** Default: the options of the command line. */
  readonly names?: TrustNames | undefined;
}

/**
 * What `policy` trusts.
 *
 * @throws SiltError IO_FAILED, TRUST_MALFORMED for a root that is none, CERT_* for certificates that are none
 */
export async function openTrust(policy: TrustPolicy, options: OpenTrustOptions): Promise<Trust> {
  const { mode } = policy;
  const { names = OPTION_NAMES } = options;
  if (mode === 'insecure') {
    const { openReleases } = await import('../trust/unsigned-releases.ts');
    const { listProducts } = await import('../trust/unsigned-products.ts');
    return { mode, releases: openReleases, products: listProducts };
  }
  if (mode === 'x509') return await openX509(policy.certificates, options);
  const factoryRoot = await readOptionFile(names.root, policy.root);
  const state = await openState(rootId(factoryRoot, policy.root), options);
  const { listTufProducts, openTufReleases } = await import('../trust/tuf/tuf-releases.ts');
  const products: Trust['products'] = (store, { signal } = {}) =>
    listTufProducts({ store, state, factoryRoot, ...(signal && { signal }) });
  const signed = (store: MetadataReader): Releases => openTufReleases({ store, state, factoryRoot });
  if (mode === 'tuf') return { mode, releases: lookingTwice(signed), products };
  const certificates = await readCertificates(policy.certificates, names);
  const { withCms } = await import('../trust/x509/with-cms.ts');
  const both = (store: MetadataReader): Releases => withCms(signed(store), store, certificates, { state });
  return { mode, releases: lookingTwice(both), products };
}

async function openX509(files: CertificateFiles, options: OpenTrustOptions): Promise<Trust> {
  const certificates = await readCertificates(files, options.names ?? OPTION_NAMES);
  const state = await openState(`x509-${idOf(certificates.anchors)}`, options);
  const { listX509Products, openX509Releases } = await import('../trust/x509/x509-releases.ts');
  return {
    mode: 'x509',
    releases: lookingTwice((store) => openX509Releases(store, certificates, { state })),
    products: listX509Products,
  };
}

async function readCertificates(files: CertificateFiles, names: TrustNames): Promise<CertificatePolicy> {
  const { anchors, intermediates, crls, purpose } = files;
  return {
    anchors: await readOptionText(names.anchors, anchors),
    ...(intermediates !== undefined && {
      intermediates: await readOptionText(names.intermediates, intermediates),
    }),
    crls: await Promise.all(crls.map((path) => readOptionFile(names.crls, path, MAX_CRL))),
    purpose,
  };
}

const MAX_CRL: number = MiB;

/** What was verified before, under the state directory; another root of trust has another memory. */
async function openState(id: string, { stateDirectory, forget }: OpenTrustOptions): Promise<MetadataState> {
  const { openDeviceState } = await import('../trust/tuf/device-state.ts');
  const state = await openDeviceState(join(stateDirectory, 'trust', id));
  return forget === true ? withoutWriting(state) : state;
}

/** Reads what `state` has, and keeps in memory what would be written. */
function withoutWriting(state: MetadataState): MetadataState {
  const memory = memoryState();
  const touched = new Set<string>();
  return {
    read: (name) => (touched.has(name) ? memory : state).read(name),
    async write(name, bytes) {
      touched.add(name);
      await memory.write(name, bytes);
    },
    async remove(name) {
      touched.add(name);
      await memory.remove(name);
    },
  };
}

/**
 * A name for what was verified with the help of this root: it stays the same while a factory changes nothing
 * but dates and the keys of other roles.
 */
function rootId(root: Uint8Array, path: string): string {
  const role = rootRole(root);
  if (role === undefined) {
    throw new SiltError(
      'TRUST_MALFORMED',
      `expected ${path} to be a root of TUF metadata, as "silt keys export-root" writes it; found something else`,
      { details: { path } },
    );
  }
  return idOf(`${[...role.keyIds].sort().join(' ')} ${role.threshold}`);
}

function rootRole(root: Uint8Array): { keyIds: readonly string[]; threshold: number } | undefined {
  try {
    const { signed } = JSON.parse(Buffer.from(root).toString('utf8')) as {
      signed?: { _type?: unknown; roles?: { root?: { keyids?: unknown; threshold?: unknown } } };
    };
    const { keyids, threshold } = signed?.roles?.root ?? {};
    const isRoot = signed?._type === 'root' && Array.isArray(keyids) && typeof threshold === 'number';
    return isRoot ? { keyIds: keyids.map(String), threshold } : undefined;
  } catch {
    return undefined;
  }
}

function idOf(text: string): string {
  return sha256Hex(Buffer.from(text)).slice(0, 16);
}
