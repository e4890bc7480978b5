/**
 * The trusted root: from the one that came with the device, over those the state keeps, to the newest of the
 * repository (TUF 1.0, §5.2 and §5.3). Each is signed by the one before and by itself.
 *
 * The state keeps the newest as `root.json`, and every one on the way as `<version>.root.json`. None of them is
 * believed: a torn or foreign one is as good as none, and is taken from the repository again.
 *
 * @module
 */
import type { Metadata, Root } from '@tufjs/models';
import { SiltError } from '../../core/errors.ts';
import { requireThreshold, signersOf } from './check-signatures.ts';
import { download } from './download-metadata.ts';
import { openEnvelope } from './envelope.ts';
import { MAX_ROOT, MAX_ROOT_ROTATIONS } from './limits.ts';
import { readRoot } from './read-metadata.ts';
import { metadataKey } from './role-files.ts';
import { attempt, keep, revokedKeys, type Session, type Verified } from './session.ts';

type TrustedRoot = Metadata<Root>;

export interface RootChain {
  readonly root: TrustedRoot;
  /** The one from which `root` was reached, unless it came with the device. */
  readonly before: TrustedRoot | undefined;
}

/**
 * The newest root that can be trusted. Each one on the way is kept at once (§5.3.8), and where it takes keys
 * away from timestamp or snapshot, what is kept of these goes first (§5.3.11). Expiry is not checked here.
 *
 * @throws SiltError TRUST_MALFORMED, TRUST_THRESHOLD, TRUST_UNKNOWN_KEY, TRUST_REVOKED_KEY, TRUST_ROLLBACK,
 *   TRUST_MISMATCH, TRUST_TOO_LARGE
 */
export async function trustedRoot(session: Session, factoryRoot: Uint8Array): Promise<RootChain> {
  let { root, before } = await newestKept(session, openFactoryRoot(factoryRoot));
  session.time.learn(root.signed);
  for (let rotations = 0; ; rotations += 1) {
    // §5.3.3: nobody says which version is the newest, so the next one is asked for.
    const key = metadataKey('root', root.signed.version + 1);
    const object = await download(session.store, key, MAX_ROOT, session.signal);
    if (object === undefined) return { root, before };
    if (rotations === MAX_ROOT_ROTATIONS) {
      throw new SiltError(
        'TRUST_TOO_LARGE',
        `expected at most ${MAX_ROOT_ROTATIONS} new versions of root, found more`,
        { details: { expected: MAX_ROOT_ROTATIONS } },
      );
    }
    const next = verifyNext(root, object.bytes);
    await keepRoot(session, root, next);
    before = root;
    root = next.metadata;
    session.time.learn(root.signed);
  }
}

/** §5.2. It signs itself, so that a mistaken file is found before it is relied on. */
function openFactoryRoot(bytes: Uint8Array): TrustedRoot {
  const envelope = openEnvelope(bytes, 'root');
  const root = readRoot(envelope);
  requireThreshold(envelope, rootSigners(root), revokedKeys(root.signed));
  return root;
}

/** The newest root that is linked to `root` by what the state keeps. */
async function newestKept({ state }: Session, factoryRoot: TrustedRoot): Promise<RootChain> {
  const newest = await state.read('root.json');
  let root = factoryRoot;
  for (let before: TrustedRoot | undefined; ; ) {
    const { version } = root.signed;
    // Signed by the keys of the root at hand, the newest needs no steps between.
    const next =
      bestOf(newest, root, (found) => found > version) ??
      bestOf(await state.read(`${version + 1}.root.json`), root, (found) => found === version + 1);
    if (next === undefined) return { root, before };
    before = root;
    root = next;
  }
}

function bestOf(
  copies: readonly Uint8Array[],
  root: TrustedRoot,
  fits: (version: number) => boolean,
): TrustedRoot | undefined {
  const linked = copies
    .filter((bytes) => bytes.length <= MAX_ROOT)
    .map((bytes) => attempt(() => verifyLink(root, bytes).metadata));
  return linked
    .filter((copy) => copy !== undefined && fits(copy.signed.version))
    .reduce(
      (best, copy) => (best && best.signed.version >= (copy?.signed.version ?? 0) ? best : copy),
      undefined,
    );
}

/** §5.3.4 and §5.3.5: the threshold of the trusted root and its own, and the version that was asked for. */
function verifyNext(root: TrustedRoot, bytes: Uint8Array): Verified<Root> {
  const next = verifyLink(root, bytes);
  const [expected, found] = [root.signed.version + 1, next.metadata.signed.version];
  if (found === expected) return next;
  throw new SiltError(
    found < expected ? 'TRUST_ROLLBACK' : 'TRUST_MISMATCH',
    `root: expected version ${expected}, found version ${found}`,
    { details: { role: 'root', expected, found } },
  );
}

function verifyLink(root: TrustedRoot, bytes: Uint8Array): Verified<Root> {
  const envelope = openEnvelope(bytes, 'root');
  const revoked = revokedKeys(root.signed);
  requireThreshold(envelope, rootSigners(root), revoked);
  const metadata = readRoot(envelope);
  requireThreshold(envelope, rootSigners(metadata), revoked);
  return { metadata, bytes };
}

async function keepRoot(session: Session, from: TrustedRoot, to: Verified<Root>): Promise<void> {
  // Before the new root is kept: a power cut between must not leave the old ones under the new keys.
  if (lostKeys(from, to.metadata, 'timestamp') || lostKeys(from, to.metadata, 'snapshot')) {
    await session.state.remove('timestamp.json');
    await session.state.remove('snapshot.json');
  }
  await keep(session, `${to.metadata.signed.version}.root.json`, to.bytes);
  await keep(session, 'root.json', to.bytes);
}

/** An added key takes no trust away; whoever had the others could not have done more before. */
function lostKeys(from: TrustedRoot, to: TrustedRoot, role: string): boolean {
  const remaining = signersOf(to, role)?.keyIds ?? [];
  return (signersOf(from, role)?.keyIds ?? []).some((keyId) => !remaining.includes(keyId));
}

function rootSigners(root: TrustedRoot) {
  const signers = signersOf(root, 'root');
  if (signers === undefined) throw new SiltError('INTERNAL', 'a root was read that has no role "root"');
  return signers;
}
