/** What becomes of a failure: back-off, giving up, and what is kept of the error. */
import test from 'ava';
import { SiltError } from '../../../src/core/errors.ts';
import { type DeviceState, FIRST_STATE, type Update } from '../../../src/device/update/device-state.ts';
import {
  afterFailure,
  blockedWith,
  failureOf,
  retryAfter,
  SUPERSEDED,
  UNWANTED,
  Unwanted,
} from '../../../src/device/update/update-failure.ts';

const MINUTE = 60_000;
const error = { code: 'HOOK_FAILED', message: 'no' };

const update = {
  release: { version: '2.0', counter: 2 },
} as unknown as Update;

/** Waits of failures in a row, in minutes, with the least chance. */
function waits(count: number, random: () => number): number[] {
  const found: number[] = [];
  let retry: DeviceState['retry'];
  for (let i = 0; i < count; i++) {
    retry = retryAfter(retry, 2, error, 1000, { random });
    found.push((retry.notBefore - 1000) / MINUTE);
  }
  return found;
}

test('each failure of a release makes it wait longer, up to half a day', (t) => {
  t.deepEqual(
    waits(12, () => 0),
    [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360],
  );
  t.deepEqual(
    waits(12, () => 0.999_999).map(Math.round),
    [2, 4, 8, 16, 32, 64, 128, 256, 512, 720, 720, 720],
  );
});

test('a thousand failures are no overflow', (t) => {
  t.is(waits(1000, () => 0).at(-1), 360);
});

test('another release begins anew, and a failure before any is known adds to what there is', (t) => {
  const first = retryAfter(undefined, 2, error, 0, { isInstall: true });
  const again = retryAfter(first, 2, error, 0, { isInstall: true });

  t.like(again, { counter: 2, failures: 2, installs: 2 });
  t.like(retryAfter(again, undefined, error, 0), { counter: 2, failures: 3, installs: 2 });
  t.like(retryAfter(again, 2, error, 0), { counter: 2, failures: 3, installs: 2 });
  const other = retryAfter(again, 3, error, 0);
  t.like(other, { counter: 3, failures: 1 });
  t.is(other.installs, undefined);
});

test('a server that asks for patience is waited for', (t) => {
  const { notBefore } = retryAfter(undefined, 2, error, 0, { retryAfterMs: 60 * MINUTE, random: () => 0 });

  t.true(notBefore >= 60 * MINUTE);
});

for (const phase of ['verify', 'preInstall', 'install', 'postInstall', 'activate'] as const) {
  test(`a release that fails in ${phase} is given up the third time`, (t) => {
    let state: DeviceState = FIRST_STATE;
    const given: boolean[] = [];
    for (let round = 0; round < 3; round++) {
      state = { ...state, ...afterFailure(state, update, { ...error, phase }, 0, 3) };
      given.push(state.blocked.length > 0);
    }

    t.deepEqual(given, [false, false, true]);
    t.is(state.retry, undefined);
  });
}

for (const phase of ['fetch', 'enterRescue'] as const) {
  test(`a release that fails in ${phase} is never given up`, (t) => {
    let state: DeviceState = FIRST_STATE;
    for (let round = 0; round < 50; round++) {
      state = { ...state, ...afterFailure(state, update, { ...error, phase }, 0, 3) };
    }

    t.deepEqual(state.blocked, []);
    t.is(state.retry?.failures, 50);
  });
}

for (const [phase, code] of [
  ['health', 'HOOK_FAILED'],
  ['health', 'BOOT_FAILED'],
  ['reboot', 'BOOT_FAILED'],
] as const) {
  test(`a release that was started and fails with ${code} in ${phase} is given up at once`, (t) => {
    const after = afterFailure(FIRST_STATE, update, { code, message: 'no', phase }, 7, 3);

    t.deepEqual(after, { retry: undefined, blocked: [{ version: '2.0', counter: 2, code, at: 7 }] });
  });
}

test('where a boot loader starts a new system once, one that did not come up is tried once more', (t) => {
  const failure = { code: 'BOOT_FAILED', message: 'no', phase: 'reboot' } as const;
  const first = afterFailure(FIRST_STATE, update, failure, 0, 1);
  t.deepEqual(first.blocked, []);
  t.is(first.retry?.failures, 1);

  const second = afterFailure({ ...FIRST_STATE, ...first }, update, failure, 0, 1);

  t.is(second.blocked.length, 1);
  t.is(afterFailure(FIRST_STATE, update, { ...failure, phase: 'health' }, 0, 1).blocked.length, 1);
});

test('a restart that could not be asked for is no fault of the release', (t) => {
  t.deepEqual(afterFailure(FIRST_STATE, update, { ...error, phase: 'reboot' }, 0, 3).blocked, []);
});

test('what is no longer wanted is neither waited for nor given up', (t) => {
  const state = { ...FIRST_STATE, retry: retryAfter(undefined, 2, error, 0) };

  t.deepEqual(afterFailure(state, update, { code: SUPERSEDED, message: 'x', phase: 'activate' }, 0, 3), {
    retry: undefined,
    blocked: [],
  });
});

test('what an operator does not want is given up, whenever he says so', (t) => {
  const after = afterFailure(FIRST_STATE, update, { code: UNWANTED, message: 'x', phase: 'fetch' }, 0, 3);

  t.is(after.blocked.length, 1);
});

test('of releases that were given up each is there once, and the newest sixteen are kept', (t) => {
  let blocked: DeviceState['blocked'] = [];
  for (let counter = 1; counter <= 20; counter++) {
    blocked = blockedWith(blocked, { version: `${counter}.0`, counter, code: 'X', at: 0 });
    blocked = blockedWith(blocked, { version: `${counter}.0`, counter, code: 'Y', at: 0 });
  }

  t.deepEqual(
    blocked.map(({ counter }) => counter),
    Array.from({ length: 16 }, (_, index) => index + 5),
  );
});

test('of an error the code, the component and a message of bounded length are kept', (t) => {
  const long = new SiltError('INSTALL_FAILED', 'x'.repeat(5000), { details: { component: 'app' } });

  const found = failureOf(long, 'install');

  t.like(found, { code: 'INSTALL_FAILED', component: 'app', phase: 'install' });
  t.is(found.message.length, 1000);
  t.like(failureOf(new TypeError('a fault of silt'), 'fetch'), { code: 'INTERNAL' });
  t.like(failureOf('a string', 'fetch'), { code: 'INTERNAL', message: 'a string' });
  t.like(failureOf(new Unwanted('away with it'), 'fetch'), { code: UNWANTED });
});
