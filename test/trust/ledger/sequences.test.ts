/**
 * Whatever publishers do, and in whatever order: a client that is new and a client that saw every step read the
 * same, and it is what was done.
 */
import test from 'ava';
import fc from 'fast-check';
import { changeRepository } from '../../../src/trust/ledger/change-repository.ts';
import { draftRevocation, draftRoleKeys } from '../../../src/trust/ledger/draft-keys.ts';
import { keyIdsOf, keysOfRole } from '../../../src/trust/ledger/list-keys.ts';
import { readLive } from '../../../src/trust/ledger/live-metadata.ts';
import { renewOnline } from '../../../src/trust/ledger/renew-online.ts';
import { memoryState } from '../../../src/trust/tuf/metadata-state.ts';
import { openTufReleases } from '../../../src/trust/tuf/tuf-releases.ts';
import {
  newRelease,
  type SignedRepository,
  signedRepository,
  testSigner,
} from '../../support/signed-repository.ts';

const ROLES = ['root', 'targets', 'snapshot', 'timestamp', 'product-app'];
const HOUR = 3_600_000;

const step = fc.oneof(
  fc.record({ do: fc.constant('add' as const), channel: fc.option(fc.constantFrom('stable', 'canary')) }),
  fc.record({
    do: fc.constant('point' as const),
    channel: fc.constantFrom('stable', 'canary'),
    at: fc.nat(20),
  }),
  fc.record({ do: fc.constant('rotate' as const), role: fc.constantFrom(...ROLES) }),
  fc.record({ do: fc.constant('replace' as const), role: fc.constantFrom(...ROLES) }),
  fc.record({ do: fc.constant('renew' as const) }),
  fc.record({ do: fc.constant('wait' as const), hours: fc.integer({ min: 1, max: 48 }) }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** What the repository should say. */
interface Expected {
  readonly versions: string[];
  readonly channels: Map<string, string>;
}

async function take(repository: SignedRepository, expected: Expected, action: Step): Promise<void> {
  const { versions, channels } = expected;
  if (action.do === 'add') {
    const version = `${versions.length + 1}.0`;
    await repository
      .ledger()
      .add(newRelease(version), action.channel === null ? {} : { channel: action.channel });
    versions.push(version);
    if (action.channel !== null) channels.set(action.channel, version);
  } else if (action.do === 'point') {
    const version = versions[action.at % versions.length];
    if (version === undefined) return;
    await repository.ledger().point('app', action.channel, version);
    channels.set(action.channel, version);
  } else if (action.do === 'rotate' || action.do === 'replace') {
    const { role } = action;
    const key = testSigner(`${role} anew`);
    const access = repository.access([...repository.allSigners(), key]);
    const old = keysOfRole(await readLive(access), role)?.keyids ?? [];
    const isRotation = action.do === 'rotate';
    const next = { keyIds: isRotation ? [key.publicKey.keyId] : [...old, key.publicKey.keyId], threshold: 1 };
    await changeRepository(access, (live) => draftRoleKeys(live, role, [key.publicKey], () => next));
    if (!isRotation) {
      for (const keyId of old) await changeRepository(access, (live) => draftRevocation(live, keyId));
    }
    repository.signers.set(role, [key]);
  } else if (action.do === 'renew') {
    await renewOnline(repository.access());
  } else {
    repository.clock = new Date(repository.clock.getTime() + action.hours * HOUR);
    await renewOnline(repository.access());
  }
}

test('any sequence of changes leaves a repository that old and new clients accept', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 10 }), async (steps) => {
      const repository = await signedRepository(t);
      const expected: Expected = { versions: [], channels: new Map() };
      const seen = memoryState();
      for (const action of steps) {
        await take(repository, expected, action);
        for (const state of [memoryState(), seen]) {
          const { store, root, now } = repository;
          const releases = openTufReleases({ store, factoryRoot: root, state, now });
          for (const [channel, version] of expected.channels) {
            t.is((await releases.find('app', { channel })).version, version);
          }
          const last = expected.versions.at(-1);
          if (last !== undefined) t.is((await releases.find('app', { latest: true })).version, last);
        }
      }
      const live = await readLive(repository.access());
      const ids = repository.allSigners().map(({ publicKey }) => publicKey.keyId);
      t.deepEqual(keyIdsOf(live).sort(), ids.sort());
    }),
    { numRuns: 12, seed: 20261122, endOnFailure: true },
  );
});
