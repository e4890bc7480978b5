/**
 * Conformance, new keys and thresholds of root: TUF 1.0, §5.3.4 and §6.1. A title begins with the clause; what
 * stands in brackets at its end is the case of the public conformance suite that it covers.
 */
import test from 'ava';
import { throwsSilt } from '../../support/throws-silt.ts';
import { TufDevice } from '../../support/tuf-device.ts';
import { TufRepository } from '../../support/tuf-repository.ts';
import { type TestKey, testKey } from '../../support/tuf-test-key.ts';

/** A version of root: which of ten keys it lists, its threshold, and which sign it. */
type RootVersion = readonly [keys: readonly number[], threshold: number, signers: readonly number[]];

interface Rotation {
  /** As the public suite calls it. */
  readonly name: string;
  readonly says: string;
  readonly versions: readonly RootVersion[];
  /** Whether the last of them is accepted. */
  readonly accepted: boolean;
}

const rotations: readonly Rotation[] = [
  {
    name: '1-of-1-key-rotation',
    says: 'one key hands over to another when both sign',
    versions: [
      [[1], 1, [1]],
      [[2], 1, [2, 1]],
      [[2], 1, [2]],
    ],
    accepted: true,
  },
  {
    name: '1-of-1-key-rotation-unused-signatures',
    says: 'signatures by keys that no role lists do no harm',
    versions: [
      [[1], 1, [3, 1, 4]],
      [[2], 1, [3, 2, 1, 4]],
      [[2], 1, [3, 2, 4]],
    ],
    accepted: true,
  },
  {
    name: '3-of-5-sign-with-different-keycombos',
    says: 'any three of five keys may sign',
    versions: [
      [[0, 1, 2, 3, 4], 3, [0, 2, 4]],
      [[0, 1, 2, 3, 4], 3, [0, 4, 1]],
      [[0, 1, 2, 3, 4], 3, [0, 1, 3]],
      [[0, 1, 2, 3, 4], 3, [0, 1, 3]],
    ],
    accepted: true,
  },
  {
    name: '3-of-5-one-key-rotated',
    says: 'one key of five is replaced when three that stay have signed',
    versions: [
      [[0, 1, 2, 3, 4], 3, [0, 2, 4]],
      [[0, 1, 3, 4, 5], 3, [0, 4, 1]],
    ],
    accepted: true,
  },
  {
    name: '3-of-5-one-key-rotated-with-intermediate-step',
    says: 'the key that goes signs once more, with the one that comes',
    versions: [
      [[0, 1, 2, 3, 4], 3, [0, 2, 4]],
      [[0, 1, 3, 4, 5], 3, [0, 2, 4, 5]],
      [[0, 1, 3, 4, 5], 3, [0, 4, 5]],
    ],
    accepted: true,
  },
  {
    name: '3-of-5-all-keys-rotated-with-intermediate-step',
    says: 'all five keys are replaced when three old and three new have signed',
    versions: [
      [[0, 1, 2, 3, 4], 3, [0, 2, 4]],
      [[5, 6, 7, 8, 9], 3, [0, 2, 4, 5, 6, 7]],
      [[5, 6, 7, 8, 9], 3, [5, 6, 7]],
    ],
    accepted: true,
  },
  {
    name: '1-of-3-threshold-increase-to-2-of-3',
    says: 'the threshold rises when as many have signed',
    versions: [
      [[1, 2, 3], 1, [1]],
      [[1, 2, 3], 2, [1, 2]],
    ],
    accepted: true,
  },
  {
    name: '2-of-3-threshold-decrease-to-1-of-3',
    says: 'the threshold falls when as many as before have signed',
    versions: [
      [[1, 2, 3], 2, [1, 2]],
      [[1, 2, 3], 1, [1, 2]],
      [[1, 2, 3], 1, [1]],
    ],
    accepted: true,
  },
  {
    name: '1-of-2-threshold-increase-to-2-of-2',
    says: 'a key is added and needed at once',
    versions: [
      [[1], 1, [1]],
      [[1, 2], 2, [1, 2]],
    ],
    accepted: true,
  },
  {
    name: '1-of-1-key-rotation-fail-not-signed-with-old-key',
    says: 'a new key alone cannot take over',
    versions: [
      [[1], 1, [1]],
      [[2], 1, [2, 3, 4]],
    ],
    accepted: false,
  },
  {
    name: '1-of-1-key-rotation-fail-not-signed-with-new-key',
    says: 'an old key cannot hand over to one that did not sign',
    versions: [
      [[1], 1, [1]],
      [[2], 1, [1, 3, 4]],
    ],
    accepted: false,
  },
  {
    name: '3-of-5-one-key-rotate-fails-not-signed-with-3-new-keys',
    says: 'three of the old keys are not three of the new ones',
    versions: [
      [[0, 1, 2, 3, 4], 3, [0, 2, 4]],
      [[0, 1, 3, 4, 5], 3, [0, 2, 4]],
    ],
    accepted: false,
  },
  {
    name: '3-of-5-one-key-rotate-fails-not-signed-with-3-old-keys',
    says: 'three of the new keys are not three of the old ones',
    versions: [
      [[0, 1, 2, 3, 4], 3, [0, 2, 4]],
      [[0, 1, 3, 4, 5], 3, [0, 4, 5]],
    ],
    accepted: false,
  },
  {
    name: '1-of-3-threshold-bump-to-2-of-3-fails-new-threshold-not-reached',
    says: 'a higher threshold holds for the root that introduces it',
    versions: [
      [[1, 2, 3], 1, [1]],
      [[1, 2, 3], 2, [2]],
    ],
    accepted: false,
  },
  {
    name: '2-of-3-threshold-decr-to-1-of-3-fails-old-threshold-not-eached',
    says: 'a lower threshold does not hold yet for the root that introduces it',
    versions: [
      [[1, 2, 3], 2, [1, 2]],
      [[1, 2, 3], 1, [1]],
    ],
    accepted: false,
  },
];

for (const { name, says, versions, accepted } of rotations) {
  test(`TUF 5.3.4: root, ${says} (test_root_rotation[${name}])`, async (t) => {
    const keys = Array.from({ length: 10 }, () => testKey());
    const repository = new TufRepository();
    repository.root.version = 0;
    for (const [listed, threshold, signers] of versions) {
      repository.clearKeys('root');
      for (const n of listed) repository.addKey('root', keys[n] as TestKey);
      repository.signers.set(
        'root',
        signers.map((n) => keys[n] as TestKey),
      );
      (repository.root.roles.root as { threshold: number }).threshold = threshold;
      repository.publish('root');
    }
    const device = new TufDevice(repository);
    const newest = versions.length;
    if (accepted) await device.refresh();
    else
      await throwsSilt(
        t,
        () => device.refresh(),
        listedBySomeOther(versions) ? 'TRUST_UNKNOWN_KEY' : 'TRUST_THRESHOLD',
      );

    const trusted = accepted ? newest : newest - 1;
    t.is(device.kept('root'), Buffer.from(repository.rootBytes(trusted)).toString());
    if (!accepted) t.is(device.trustedVersions().timestamp, undefined);
  });
}

/** True when none of those who sign the last root is listed by it, or none by the one before. */
function listedBySomeOther(versions: readonly RootVersion[]): boolean {
  const [before, last] = versions.slice(-2) as [RootVersion, RootVersion];
  return [before[0], last[0]].some((listed) => !last[2].some((signer) => listed.includes(signer)));
}
