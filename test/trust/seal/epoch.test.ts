import test from 'ava';
import fc from 'fast-check';
import { sha256Hex } from '../../../src/core/digest.ts';
import type { Sealing } from '../../../src/format/manifest.ts';
import { chooseEpoch, type SealedRelease } from '../../../src/trust/seal/epoch.ts';

const keyIdOf = (epoch: number): string => `key ${epoch}`;

function envelopeOf(recipientIds: readonly string[]): Sealing['envelope'] {
  return { sha256: sha256Hex(Buffer.from([...recipientIds].sort().join())), size: 300 };
}

function release(epoch: number, recipientIds: readonly string[], keyId = keyIdOf(epoch)): SealedRelease {
  return {
    sealing: { cipher: 'aes-256-gcm', epoch, keyId, envelope: envelopeOf(recipientIds) },
    recipientIds,
  };
}

test('the first sealed release begins epoch 1', (t) => {
  t.deepEqual(chooseEpoch([], ['a'], keyIdOf), { epoch: 1, envelope: undefined });
});

test('the same recipients keep the epoch and the envelope', (t) => {
  const releases = [release(1, ['a']), release(1, ['a', 'b'])];
  t.deepEqual(chooseEpoch(releases, ['b', 'a', 'b'], keyIdOf), {
    epoch: 1,
    envelope: envelopeOf(['a', 'b']),
  });
});

test('one more recipient keeps the epoch, in a new envelope', (t) => {
  t.deepEqual(chooseEpoch([release(3, ['a'])], ['a', 'b'], keyIdOf), { epoch: 3, envelope: undefined });
});

test('a recipient who is left out ends the epoch, also when another one comes', (t) => {
  t.is(chooseEpoch([release(3, ['a', 'b'])], ['a'], keyIdOf).epoch, 4);
  t.is(chooseEpoch([release(3, ['a', 'b'])], ['a', 'c'], keyIdOf).epoch, 4);
});

test('whoever had the key in any release of the epoch is asked about, not only in the last one', (t) => {
  // Two publishers at once: each left somebody else out.
  const releases = [release(2, ['a', 'b']), release(2, ['a', 'c'])];
  t.is(chooseEpoch(releases, ['a', 'c'], keyIdOf).epoch, 3);
  t.is(chooseEpoch(releases, ['a', 'b', 'c'], keyIdOf).epoch, 2);
});

test('an epoch that has ended never comes back', (t) => {
  const releases = [release(2, ['a']), release(1, ['a', 'b'])];
  t.is(chooseEpoch(releases, ['a', 'b'], keyIdOf).epoch, 2);
  t.is(chooseEpoch(releases, ['b'], keyIdOf).epoch, 3);
});

test('another master secret begins an epoch', (t) => {
  const releases = [release(1, ['a'], 'the key of another secret')];
  t.deepEqual(chooseEpoch(releases, ['a'], keyIdOf), { epoch: 2, envelope: undefined });
});

test('nobody who is left out can ever open a later release, whatever came before', (t) => {
  const recipients = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1 });
  fc.assert(
    fc.property(fc.array(recipients, { maxLength: 12 }), (sets) => {
      const releases: SealedRelease[] = [];
      const holders = new Map<number, Set<string>>();
      for (const wanted of sets) {
        const { epoch } = chooseEpoch(releases, wanted, keyIdOf);
        const held = holders.get(epoch) ?? new Set();
        holders.set(epoch, held);
        for (const id of wanted) held.add(id);
        t.deepEqual([...held].sort(), [...wanted].sort(), 'nobody else holds the key of this release');
        releases.push(release(epoch, wanted));
      }
    }),
    { numRuns: 300, seed: 5 },
  );
});
