/**
 * A signed repository as `silt keys init` makes it, in a directory, with keys in memory and a clock that a test
 * sets: for tests of what publishers do and of what clients then read.
 *
 * @module
 */
import { generateKeyPairSync } from 'node:crypto';
import type { ExecutionContext } from 'ava';
import { openDirectoryStore } from '../../src/store/directory.ts';
import type { Store } from '../../src/store/store.ts';
import { keySigner } from '../../src/trust/keys/file-signer.ts';
import type { Signer } from '../../src/trust/keys/signer.ts';
import { type RepositorySetup, stageFirstMetadata } from '../../src/trust/ledger/first-metadata.ts';
import type { RepositoryAccess } from '../../src/trust/ledger/live-metadata.ts';
import { encodeEnvelope } from '../../src/trust/ledger/metadata-parts.ts';
import { releaseStage } from '../../src/trust/ledger/release-stage.ts';
import { stagedRole } from '../../src/trust/ledger/stage.ts';
import { openTufLedger } from '../../src/trust/ledger/tuf-ledger.ts';
import type { NewRelease, ReleaseLedger } from '../../src/trust/releases.ts';
import { memoryState } from '../../src/trust/tuf/metadata-state.ts';
import { temporaryDirectory } from './temporary-directory.ts';

export const SIGNED_TIME: Date = new Date('2026-03-01T12:00:00Z');

/** A key in memory: Ed25519, or ECDSA P-256. */
export function testSigner(name: string, kind: 'ed25519' | 'ecdsa' = 'ed25519'): Signer {
  const { privateKey } =
    kind === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return keySigner(privateKey, name);
}

export interface SignedRepository {
  readonly directory: string;
  readonly store: Store;
  /** The factory root of its devices. */
  readonly root: Uint8Array;
  /** By role: `root`, `targets`, `snapshot`, `timestamp`, `product-<P>`. */
  readonly signers: Map<string, Signer[]>;
  /** All of them. */
  allSigners(): Signer[];
  /** The time for whoever asks; a test sets it. */
  clock: Date;
  readonly now: () => Date;
  ledger(signers?: readonly Signer[], store?: Store): ReleaseLedger;
  access(signers?: readonly Signer[], store?: Store): RepositoryAccess;
}

export interface SignedRepositoryOptions {
  readonly products?: readonly string[];
  /** Keys and threshold of a role; one key otherwise. */
  readonly keys?: Readonly<Record<string, readonly [keys: number, threshold: number]>>;
  readonly lifetimes?: RepositorySetup['lifetimes'];
}

/** A new one, in a directory of its own. */
export async function signedRepository(
  t: ExecutionContext<unknown>,
  options: SignedRepositoryOptions = {},
): Promise<SignedRepository> {
  const directory = await temporaryDirectory(t);
  const store = await openDirectoryStore(directory, { create: true });
  const { products = ['app'] } = options;
  const signers = new Map<string, Signer[]>();
  const setup = (role: string) => {
    const [count, threshold] = options.keys?.[role] ?? [1, 1];
    const keys = Array.from({ length: count }, (_, at) => testSigner(`${role}-${at + 1}`));
    signers.set(role, keys);
    return { keys: keys.map(({ publicKey }) => publicKey), threshold };
  };
  const repository = {
    directory,
    store,
    signers,
    clock: SIGNED_TIME,
    now: () => repository.clock,
    allSigners: () => [...signers.values()].flat(),
  };
  const stage = await stageFirstMetadata(
    {
      roles: {
        root: setup('root'),
        targets: setup('targets'),
        snapshot: setup('snapshot'),
        timestamp: setup('timestamp'),
      },
      products: new Map(products.map((product) => [product, setup(`product-${product}`)])),
      lifetimes: options.lifetimes,
    },
    { signers: repository.allSigners(), now: repository.now },
  );
  await releaseStage(store, stage, { signers: repository.allSigners(), now: repository.now });
  const root = encodeEnvelope(
    'root',
    stagedRole(stage, 'root') as NonNullable<ReturnType<typeof stagedRole>>,
  );
  const { now } = repository;
  return Object.assign(repository, {
    root,
    ledger: (given = repository.allSigners(), from: Store = store) =>
      openTufLedger(from, { root, signers: given, now }),
    access: (given = repository.allSigners(), from: Store = store) =>
      ({ store: from, root, signers: given, now, state: memoryState() }) satisfies RepositoryAccess,
  });
}

/** A release whose one image is named, not there. */
export function newRelease(version: string, product = 'app'): NewRelease {
  const digest = 'ab'.repeat(32);
  const head = { sha256: digest, size: 100 };
  return {
    product,
    version,
    created: '2026-03-01T12:00:00Z',
    images: [{ name: 'image', size: 1000, sha256: digest, index: { sha256: digest, size: 200, head } }],
  };
}
