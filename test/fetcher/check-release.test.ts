import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { type ErrorCode, isSiltError, type SiltError } from '../../src/core/errors.ts';
import { checkRelease, type DeviceFacts } from '../../src/fetcher/check-release.ts';
import type { RolloutGate } from '../../src/fetcher/rollout-gate.ts';
import { type Manifest, newManifest } from '../../src/format/manifest.ts';
import type { TrustedRelease } from '../../src/trust/releases.ts';
import { sampleManifest } from '../support/format-samples.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const { product, version, created, images } = sampleManifest;

function releaseOf(
  counter: number,
  members: Pick<Manifest, 'hardware' | 'requires'> = {},
  allowDowngradeFrom: readonly number[] = [],
): TrustedRelease {
  const manifest = newManifest({ product, version, created, images, ...members }, counter);
  return { manifest, bytes: Buffer.of(), key: 'targets/x', allowDowngradeFrom };
}

const DEVICE: DeviceFacts = { siltVersion: '1.2.3', floor: 5 };

/** The code of the refusal; `undefined` when the device may have the release. */
async function verdict(release: TrustedRelease, device: DeviceFacts): Promise<ErrorCode | undefined> {
  try {
    await checkRelease(release, device);
  } catch (error) {
    if (isSiltError(error)) return error.code;
    throw error;
  }
  return undefined;
}

const refused = (
  t: ExecutionContext,
  release: TrustedRelease,
  device: DeviceFacts,
  code: ErrorCode,
): Promise<SiltError> => throwsSilt(t, () => checkRelease(release, device), code);

const notYet: RolloutGate = {
  eligible: async () => ({
    reason: 'it is for the first 10 %',
    retryAfter: new Date('2026-12-01T00:00:00Z'),
  }),
};

test('a release for every device passes, at the floor and above it', async (t) => {
  for (const counter of [5, 6, 2 ** 53 - 1]) t.is(await verdict(releaseOf(counter), DEVICE), undefined);
});

test('a release below the floor is refused', async (t) => {
  const error = await refused(t, releaseOf(4), DEVICE, 'DOWNGRADE_REFUSED');
  t.deepEqual(error.details, { expected: 5, found: 4 });
  t.regex(error.message, /^router 1\.2\.3\+build~4 has counter 4, and this device accepts none below 5;/);
  t.is(await verdict(releaseOf(1), { ...DEVICE, floor: 0 }), undefined, 'no floor yet');
});

test('a signed exception lets exactly those devices down that it names', async (t) => {
  const recall = releaseOf(4, {}, [5, 9]);
  t.is(await verdict(recall, DEVICE), undefined);
  t.is(await verdict(recall, { ...DEVICE, floor: 9 }), undefined);
  // Installed and not yet found good, so that the floor is still below.
  t.is(await verdict(recall, { ...DEVICE, floor: 8, installedCounter: 9 }), undefined);
  for (const facts of [{ floor: 8 }, { floor: 8, installedCounter: 8 }, { floor: 10, installedCounter: 4 }]) {
    await refused(t, recall, { ...DEVICE, ...facts }, 'DOWNGRADE_REFUSED');
  }
});

test('a release for other hardware is refused', async (t) => {
  const release = releaseOf(7, {
    hardware: [{ name: 'board-a' }, { name: 'board-b', variants: ['eu', 'us'] }],
  });
  t.is(await verdict(release, { ...DEVICE, hardware: 'board-a' }), undefined);
  t.is(await verdict(release, { ...DEVICE, hardware: 'board-a', variant: 'jp' }), undefined);
  t.is(await verdict(release, { ...DEVICE, hardware: 'board-b', variant: 'us' }), undefined);
  const other = await refused(t, release, { ...DEVICE, hardware: 'board-c' }, 'NOT_COMPATIBLE');
  t.deepEqual(other.details, { expected: 'board-a, board-b eu us', found: 'board-c' });
  for (const variant of ['jp', 'EU', 'constructor']) {
    const error = await refused(t, release, { ...DEVICE, hardware: 'board-b', variant }, 'NOT_COMPATIBLE');
    t.is(error.details.found, `board-b:${variant}`);
  }
  for (const hardware of ['BOARD-A', 'constructor', '']) {
    await refused(t, release, { ...DEVICE, hardware }, 'NOT_COMPATIBLE');
  }
});

test('a release with a list of hardware needs a device that says what it is', async (t) => {
  const release = releaseOf(7, { hardware: [{ name: 'board-b', variants: ['eu'] }] });
  t.regex((await refused(t, release, DEVICE, 'NOT_COMPATIBLE')).message, /--hardware$/);
  const bare = { ...DEVICE, hardware: 'board-b' };
  t.regex((await refused(t, release, bare, 'NOT_COMPATIBLE')).message, /--variant$/);
  t.is(await verdict(releaseOf(7), bare), undefined, 'a device that says more than it is asked');
});

test('a release that needs a later silt is refused', async (t) => {
  const needs = (silt: string) => releaseOf(7, { requires: { silt } });
  for (const silt of ['1.2.3', '1.2.2', '0.99.99', '1.1.10'])
    t.is(await verdict(needs(silt), DEVICE), undefined);
  for (const silt of ['1.2.4', '1.2.10', '1.10.0', '2.0.0', '999999999.0.0']) {
    const error = await refused(t, needs(silt), DEVICE, 'NOT_COMPATIBLE');
    t.deepEqual(error.details, { expected: silt, found: '1.2.3' });
    t.regex(error.message, /update silt first$/);
  }
  const versions = {
    '1.2.3-rc.1': false,
    '1.2.4-rc.1': true,
    '1.2.3+build-7': true,
    '1.2': false,
    what: false,
  };
  for (const [siltVersion, enough] of Object.entries(versions)) {
    const found = await verdict(needs('1.2.3'), { ...DEVICE, siltVersion });
    t.is(found, enough ? undefined : 'NOT_COMPATIBLE', siltVersion);
  }
});

test('a stepping stone is demanded of every device that holds something', async (t) => {
  const release = releaseOf(9, { requires: { counter: 7 } });
  const facts: [Partial<DeviceFacts>, boolean][] = [
    [{ installedCounter: 7 }, true],
    [{ installedCounter: 6 }, false],
    [{ floor: 7 }, true],
    [{ floor: 6 }, false],
    // Recalled: what runs counts, not what once ran.
    [{ floor: 8, installedCounter: 6 }, false],
    // Nothing is installed, in a factory.
    [{ floor: 0, installedCounter: 0 }, true],
    [{ floor: 0 }, false],
  ];
  for (const [fact, passes] of facts) {
    t.is(
      await verdict(release, { ...DEVICE, ...fact }),
      passes ? undefined : 'NOT_COMPATIBLE',
      JSON.stringify(fact),
    );
  }
  const silent = await refused(t, release, { ...DEVICE, floor: 0 }, 'NOT_COMPATIBLE');
  t.regex(silent.message, /--installed COUNTER, 0 when none is$/);
});

test('a release whose turn has not come is refused, with the reason and when to ask again', async (t) => {
  const error = await refused(t, releaseOf(7), { ...DEVICE, rollout: notYet }, 'NOT_ELIGIBLE');
  t.regex(error.message, /: it is for the first 10 %; ask again after 2026-12-01T00:00:00\.000Z$/);
  t.like(error.details, { retryAfter: '2026-12-01T00:00:00.000Z' });
  const rollout: RolloutGate = { eligible: async () => ({ reason: 'paused' }) };
  const paused = await refused(t, releaseOf(7), { ...DEVICE, rollout }, 'NOT_ELIGIBLE');
  t.regex(paused.message, /: paused; ask again later$/);
  const pass: RolloutGate = { eligible: async () => true };
  t.is(await verdict(releaseOf(7), { ...DEVICE, rollout: pass }), undefined);
});

test('the first check that fails decides, and the roll-out is asked of a fitting release only', async (t) => {
  const asked: number[] = [];
  const rollout: RolloutGate = {
    eligible: async ({ counter }) => {
      asked.push(counter);
      return { reason: 'paused' };
    },
  };
  const wrong = releaseOf(4, { hardware: [{ name: 'x' }], requires: { silt: '9.0.0', counter: 3 } });
  const facts = { ...DEVICE, rollout, installedCounter: 2 };
  t.regex((await refused(t, wrong, facts, 'NOT_COMPATIBLE')).message, /silt 9\.0\.0/);
  const later = { ...facts, siltVersion: '9.0.0' };
  t.regex((await refused(t, wrong, later, 'NOT_COMPATIBLE')).message, /--hardware/);
  const right = { ...later, hardware: 'x' };
  t.regex((await refused(t, wrong, right, 'NOT_COMPATIBLE')).message, /counter 3/);
  await refused(t, wrong, { ...right, installedCounter: 3 }, 'DOWNGRADE_REFUSED');
  t.deepEqual(asked, []);
  await refused(t, wrong, { ...right, installedCounter: 3, floor: 4 }, 'NOT_ELIGIBLE');
  t.deepEqual(asked, [4]);
});

test('an endless list of hardware makes a sentence that ends', async (t) => {
  const variants = Array.from({ length: 256 }, (_, i) => `variant-${i}`);
  const hardware = Array.from({ length: 256 }, (_, i) => ({ name: `board-${i}`, variants }));
  const { message } = await refused(t, releaseOf(7, { hardware }), DEVICE, 'NOT_COMPATIBLE');
  t.true(message.length < 400);
});

// Few names and numbers, so that they meet.
const counter = fc.integer({ min: 1, max: 6 });
const name = fc.constantFrom('a', 'b', 'constructor');
const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });
const kind = fc.record(
  { name, variants: fc.array(name, { minLength: 1, maxLength: 3 }) },
  { requiredKeys: ['name'] },
);
const release = fc
  .record({
    counter,
    members: fc.record(
      {
        hardware: fc.array(kind, { minLength: 1, maxLength: 3 }),
        requires: fc.record({ counter, silt: fc.constantFrom('1.2.3', '1.3.0') }, { requiredKeys: [] }),
      },
      { requiredKeys: [] },
    ),
    exceptions: fc.array(counter, { maxLength: 3 }),
  })
  .map(({ counter: own, members, exceptions }) => releaseOf(own, members, exceptions));
const device: fc.Arbitrary<DeviceFacts> = fc.record({
  hardware: optional(name),
  variant: optional(name),
  siltVersion: fc.constantFrom('1.2.2', '1.2.3', '2.0.0'),
  floor: fc.nat(7),
  installedCounter: optional(fc.nat(7)),
});

const holds = (property: fc.IAsyncProperty<unknown>): Promise<void> =>
  fc.assert(property, { seed: 5, numRuns: 500 }) as Promise<void>;

test('raising the floor never makes a refused release acceptable, but by a signed exception', async (t) => {
  const property = fc.asyncProperty(release, device, fc.nat(7), async (some, facts, more) => {
    // Without exceptions, on a device that says what it holds.
    const plain = { ...some, allowDowngradeFrom: [] };
    const told = { ...facts, installedCounter: facts.installedCounter ?? facts.floor };
    const [before, after] = [
      await verdict(plain, told),
      await verdict(plain, { ...told, floor: told.floor + more }),
    ];
    return before === undefined || after !== undefined;
  });
  await t.notThrowsAsync(holds(property));
});

test('nothing below the floor passes without an exception that names the device', async (t) => {
  const property = fc.asyncProperty(release, device, async (some, facts) => {
    if ((await verdict(some, facts)) !== undefined || some.manifest.counter >= facts.floor) return true;
    const { installedCounter = facts.floor } = facts;
    return some.allowDowngradeFrom.some((each) => each === facts.floor || each === installedCounter);
  });
  await t.notThrowsAsync(holds(property));
});

test('taking a demand out of a release never makes it unacceptable', async (t) => {
  const property = fc.asyncProperty(release, device, async (some, facts) => {
    if ((await verdict(some, facts)) !== undefined) return true;
    const bare = releaseOf(some.manifest.counter, {}, some.allowDowngradeFrom);
    return (await verdict(bare, facts)) === undefined;
  });
  await t.notThrowsAsync(holds(property));
});

test('the order of hardware, variants and exceptions means nothing', async (t) => {
  const property = fc.asyncProperty(release, device, async (some, facts) => {
    const { manifest } = some;
    const hardware = manifest.hardware?.toReversed().map((each) => ({
      ...each,
      ...(each.variants && { variants: each.variants.toReversed() }),
    }));
    const members = {
      ...(hardware && { hardware }),
      ...(manifest.requires && { requires: manifest.requires }),
    };
    const other = releaseOf(manifest.counter, members, some.allowDowngradeFrom.toReversed());
    return (await verdict(some, facts)) === (await verdict(other, facts));
  });
  await t.notThrowsAsync(holds(property));
});
