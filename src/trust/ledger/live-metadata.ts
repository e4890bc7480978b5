/**
 * What a repository says at present, as far as a publisher trusts it: the ground that every change stands on.
 *
 * A new root and the timestamp signed by its keys are two objects, so a publisher that is killed between them
 * leaves a repository whose newest root does not fit the rest. That rest is then verified by the root before,
 * and the next change signs it anew: {@link isSettled} tells.
 *
 * @module
 */
import type { Metadata, Root } from '@tufjs/models';
import { type ErrorCode, isSiltError } from '../../core/errors.ts';
import type { Signer } from '../keys/signer.ts';
import type { MetadataReader, MetadataWriter } from '../releases.ts';
import { type RoleSigners, requireThreshold, signersOf } from '../tuf/check-signatures.ts';
import { refresh, type TrustedMetadata } from '../tuf/client.ts';
import { download } from '../tuf/download-metadata.ts';
import { openEnvelope } from '../tuf/envelope.ts';
import { MAX_ROOT, MAX_ROOT_ROTATIONS } from '../tuf/limits.ts';
import { type MetadataState, memoryState } from '../tuf/metadata-state.ts';
import { readRoot } from '../tuf/read-metadata.ts';
import { metadataKey } from '../tuf/role-files.ts';

/** How a publisher reaches a repository. */
export interface RepositoryAccess {
  readonly store: MetadataWriter;
  /** A root that the publisher trusts; later ones follow from it. */
  readonly root: Uint8Array;
  readonly signers: readonly Signer[];
  readonly now?: (() => Date) | undefined;
  /** Kept from one change to the next. */
  readonly state: MetadataState;
}

export interface LiveMetadata {
  /** The newest root of the repository. */
  readonly root: Metadata<Root>;
  /** What is there; `undefined` in a repository that is being made. */
  readonly trusted: TrustedMetadata | undefined;
  /** The time that is signed. */
  readonly time: Date;
  /** Of the repository, for messages. */
  readonly location: string;
}

/** Of a repository that is there. */
export type ReadMetadata = LiveMetadata & { readonly trusted: TrustedMetadata };

/** Roots that are gone back over for what a killed publisher left. */
const MAX_STEPS_BACK = 8;

const keyProblems: readonly ErrorCode[] = ['TRUST_THRESHOLD', 'TRUST_UNKNOWN_KEY', 'TRUST_REVOKED_KEY'];

/** Reads and verifies it; expired metadata is accepted, for it is about to be signed anew. */
export async function readLive(access: RepositoryAccess, signal?: AbortSignal): Promise<ReadMetadata> {
  const { store, root: factoryRoot, state, now } = access;
  const options = { factoryRoot, allowExpired: true, ...(now && { now }), ...(signal && { signal }) };
  try {
    return liveFrom(await refresh({ ...options, store, state }), store.location);
  } catch (error) {
    if (!keyProblems.some((code) => isSiltError(error, code))) throw error;
    const roots = await readRoots(store, factoryRoot, signal);
    const newest = roots.at(-1) as Metadata<Root>;
    const oldest = Math.max(newest.signed.version - MAX_STEPS_BACK, roots[0]?.signed.version ?? 1);
    for (let version = newest.signed.version - 1; version >= oldest; version -= 1) {
      const before = withoutRootsAfter(store, version);
      const trusted = await refresh({ ...options, store: before, state: memoryState() }).catch(
        () => undefined,
      );
      if (trusted !== undefined)
        return { root: newest, trusted, time: trusted.time, location: store.location };
    }
    throw error;
  }
}

/** What was read, where nothing was left half done. */
export function liveFrom(trusted: TrustedMetadata, location: string): ReadMetadata {
  return { root: trusted.root, trusted, time: trusted.time, location };
}

/** True when everything is signed by the keys of the newest root. */
export function isSettled({ root, trusted }: LiveMetadata): boolean {
  return trusted === undefined || trusted.root.signed.version === root.signed.version;
}

/** The trusted root and those that follow (TUF 1.0, §5.3). */
async function readRoots(
  store: MetadataReader,
  trusted: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<Metadata<Root>[]> {
  let root = readRoot(openEnvelope(trusted, 'root'));
  const roots = [root];
  for (let rotation = 0; rotation < MAX_ROOT_ROTATIONS; rotation += 1) {
    const version = root.signed.version + 1;
    const next = await download(store, metadataKey('root', version), MAX_ROOT, signal);
    if (next === undefined) break;
    const envelope = openEnvelope(next.bytes, 'root');
    requireThreshold(envelope, ringOf(root, 'root'));
    const read = readRoot(envelope);
    requireThreshold(envelope, ringOf(read, 'root'));
    if (read.signed.version !== version) break;
    root = read;
    roots.push(root);
  }
  return roots;
}

/** The keys of a top-level role, which every root lists. */
export function ringOf(root: Metadata<Root>, role: string): RoleSigners {
  return signersOf(root, role) as RoleSigners;
}

function withoutRootsAfter(store: MetadataReader, last: number): MetadataReader {
  const isLater = (key: string): boolean =>
    Number(/^metadata\/(\d+)\.root\.json$/.exec(key)?.[1] ?? 0) > last;
  return {
    location: store.location,
    get: async (key, options) => (isLater(key) ? undefined : await store.get(key, options)),
  };
}
