import test from 'ava';
import fc from 'fast-check';
import { type ReleaseFacts, releasesToRemove } from '../../../src/publisher/prune/keep-releases.ts';

const release = (counter: number, facts: Partial<ReleaseFacts> = {}): ReleaseFacts => ({
  version: `v${counter}`,
  counter,
  channels: [],
  requires: undefined,
  epoch: undefined,
  ...facts,
});

const removed = (
  releases: readonly ReleaseFacts[],
  last: number,
  channels: string[] = [],
  versions: string[] = [],
) => releasesToRemove(releases, { last, channels, versions }).map(({ counter }) => counter);

test('the last stay by counter, in whatever order they are listed', (t) => {
  t.deepEqual(removed([release(2), release(5), release(1), release(3)], 2), [2, 1]);
  t.deepEqual(removed([], 2), []);
  t.deepEqual(removed([release(7)], 1), []);
});

test('a stepping stone stays, and that of a stepping stone; where it is gone, the next one', (t) => {
  const releases = [
    release(1),
    release(2),
    release(3),
    release(4, { requires: 2 }),
    release(5, { requires: 4 }),
  ];
  t.deepEqual(removed(releases, 1), [3, 1]);
  t.deepEqual(removed([release(1), release(3), release(5, { requires: 2 })], 1), [1]);
});

test('of sealed releases the last of the last epoch stays', (t) => {
  const sealed = [
    release(1, { epoch: 1 }),
    release(2, { epoch: 2 }),
    release(3, { epoch: 2 }),
    release(4),
    release(5),
  ];
  t.deepEqual(removed(sealed, 1), [4, 2, 1]);
});

test('a channel that is kept keeps what is newer', (t) => {
  const releases = [release(1), release(2, { channels: ['stable'] }), release(3), release(4), release(5)];
  t.deepEqual(removed(releases, 1, ['stable']), [1]);
  t.deepEqual(removed(releases, 1), [4, 3, 1]);
  t.deepEqual(removed(releases, 1, ['other']), [4, 3, 1]);
});

const facts = fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { maxLength: 12 }).chain((counters) =>
  fc.tuple(
    ...counters.map((counter) =>
      fc.record({
        version: fc.constant(`v${counter}`),
        counter: fc.constant(counter),
        channels: fc.subarray(['stable', 'canary']),
        requires: fc.option(fc.integer({ min: 1, max: counter }), { nil: undefined }),
        epoch: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
      }),
    ),
  ),
) as fc.Arbitrary<ReleaseFacts[]>;

test('whatever is kept, it is enough: channels, stepping stones, counter and epoch', (t) => {
  fc.assert(
    fc.property(
      facts,
      fc.integer({ min: 1, max: 5 }),
      fc.subarray(['v1', 'v9', 'v20']),
      (all, last, versions) => {
        const gone = new Set(releasesToRemove(all, { last, channels: [], versions }));
        const kept = all.filter((each) => !gone.has(each));
        t.is(
          Math.max(0, ...kept.map((each) => each.counter)),
          Math.max(0, ...all.map((each) => each.counter)),
        );
        t.is(
          Math.max(0, ...kept.map(({ epoch = 0 }) => epoch)),
          Math.max(0, ...all.map(({ epoch = 0 }) => epoch)),
        );
        t.true(kept.length >= Math.min(last, all.length));
        for (const { channels, version, requires, counter } of all) {
          const isKept = kept.some((each) => each.version === version);
          if (channels.length > 0 || versions.includes(version)) t.true(isKept);
          // What could be a stepping stone before still is there.
          const serves = (each: ReleaseFacts): boolean =>
            requires !== undefined && each.counter >= requires && each.counter < counter;
          if (isKept && all.some(serves)) t.true(kept.some(serves));
        }
      },
    ),
    { seed: 15, numRuns: 300 },
  );
});
