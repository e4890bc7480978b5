import test from 'ava';
import { SiltError } from '../../src/core/errors.ts';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { DeltaTrust, isDeltaLost, REPAIRED_AT_ONCE, trialBytes } from '../../src/fetcher/delta-trust.ts';

const WINDOW = 512 * KiB;

test('a delta is given up once payloads of the length of a trial were of no use', (t) => {
  const trust = new DeltaTrust(4 * MiB);
  t.is(trialBytes(4 * MiB), 512 * KiB);
  for (let i = 0; i < 51; i++) trust.heard(false, 10 * KiB, WINDOW);
  t.false(trust.givenUp);
  trust.heard(false, 10 * KiB, WINDOW);
  t.true(trust.givenUp);
});

test('right windows make up for three times as many wrong ones', (t) => {
  const trust = new DeltaTrust(MiB);
  for (let i = 0; i < 1000; i++) {
    trust.heard(i % 4 === 0, 10 * KiB, WINDOW);
    t.false(trust.givenUp);
  }
  for (let i = 0; i < 20; i++) trust.heard(false, 10 * KiB, WINDOW);
  t.true(trust.givenUp);
});

test('payloads that are all of their windows make up for nothing, and are no reason to trust', (t) => {
  const trust = new DeltaTrust(MiB);
  for (let i = 0; i < 100; i++) trust.heard(true, WINDOW - 1000, WINDOW);
  t.false(trust.hasServed);
  for (let i = 0; i < 13; i++) trust.heard(false, 10 * KiB, WINDOW);
  t.true(trust.givenUp);
});

test('wrong copies cost nothing, and are no reason to give up', (t) => {
  const trust = new DeltaTrust(MiB);
  for (let i = 0; i < 1000; i++) trust.heard(false, 0, WINDOW);
  t.false(trust.givenUp);
  trust.heard(true, 0, WINDOW);
  t.false(trust.hasServed);
});

test('a few wrong windows are repaired at once, those that follow wait for one another', (t) => {
  const trust = new DeltaTrust(MiB);
  for (let i = 0; i < REPAIRED_AT_ONCE; i++) {
    trust.heard(false, 1, WINDOW);
    trust.heard(true, 1, WINDOW);
    t.false(trust.defers);
  }
  trust.heard(false, 1, WINDOW);
  t.true(trust.defers);
});

test('payloads are trusted once one has given a right window', (t) => {
  const trust = new DeltaTrust(MiB);
  trust.heard(false, 1, WINDOW);
  t.false(trust.hasServed);
  trust.heard(true, 1, WINDOW);
  trust.heard(false, 1, WINDOW);
  t.true(trust.hasServed);
});

test('a delta that is missing or damaged is lost; a line that is down, a budget and a full disk are errors', (t) => {
  for (const code of ['OBJECT_MISSING', 'DIGEST_MISMATCH', 'STORE_REFUSED', 'FORMAT_UNSUPPORTED'] as const) {
    t.true(isDeltaLost(new SiltError(code, 'lost')));
  }
  for (const code of ['NETWORK', 'OVER_BUDGET', 'NO_SPACE', 'IO_FAILED', 'INTERRUPTED'] as const) {
    t.false(isDeltaLost(new SiltError(code, 'an error')));
  }
  t.false(isDeltaLost(new Error('a bug')));
});
