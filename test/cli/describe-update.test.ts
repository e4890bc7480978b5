import test from 'ava';
import { describeUpdate, errorOfUpdate, exitOfUpdate } from '../../src/cli/describe-update.ts';
import type { Failure } from '../../src/device/update/device-state.ts';
import type { UpdateOutcome, UpdateResult } from '../../src/device/update/update-result.ts';

const result = (outcome: UpdateOutcome, more: Partial<UpdateResult> = {}): UpdateResult => ({
  outcome,
  phase: undefined,
  release: { version: '1.5.0', counter: 13 },
  failure: undefined,
  reason: undefined,
  notBefore: undefined,
  bytesFetched: 2048,
  requests: 7,
  ...more,
});
const failed = (code: string): Failure => ({ code, message: 'it did not work', phase: 'install' });

test('the exit status is that of the outcome, or of what failed', (t) => {
  const statuses: readonly (readonly [UpdateResult, number])[] = [
    [result('updated'), 0],
    [result('rebooting'), 0],
    [result('upToDate'), 0],
    [result('waiting'), 75],
    [result('failed', { failure: failed('NO_SPACE') }), 15],
    [result('failed', { failure: failed('NETWORK') }), 75],
    [result('failed', { failure: failed('OF_A_LATER_SILT') }), 1],
    [result('failed'), 1],
    [result('rolledBack', { failure: failed('HOOK_FAILED') }), 1],
    [result('rolledBack', { failure: failed('UNWANTED') }), 0],
    [result('rolledBack'), 0],
  ];
  for (const [one, status] of statuses) t.is(exitOfUpdate(one), status, JSON.stringify(one));
  t.is(exitOfUpdate(result('upToDate'), { detailed: true }), 4);
  t.is(exitOfUpdate(result('updated'), { detailed: true }), 0);
});

test('a failure is an error of its code, and what an operator wanted is none', (t) => {
  const error = errorOfUpdate(result('rolledBack', { failure: failed('HOOK_FAILED') }));
  t.is(error?.code, 'HOOK_FAILED');
  t.is(error?.message, 'it did not work (what was there before is in use again)');
  t.like(error?.details, { outcome: 'rolledBack', phase: 'install', version: '1.5.0', counter: 13 });
  t.is(errorOfUpdate(result('failed', { failure: failed('X') }))?.code, 'INTERNAL');
  t.is(errorOfUpdate(result('rolledBack', { failure: failed('UNWANTED') })), undefined);
  t.is(errorOfUpdate(result('waiting')), undefined);
});

test('each outcome is one line that says what is to come', (t) => {
  const notBefore = new Date(Date.UTC(2026, 10, 20, 22));
  const lines: readonly (readonly [UpdateResult, string])[] = [
    [result('upToDate'), 'gw 1.5.0 (counter 13) is up to date'],
    [result('updated', { bytesFetched: 0 }), 'gw 1.5.0 (counter 13) is installed and healthy'],
    [
      result('rebooting'),
      'gw 1.5.0 (counter 13): the device restarts; the update goes on after that; fetched 2.00 KiB in 7 requests',
    ],
    [
      result('waiting', { reason: 'the maintenance window is closed', notBefore }),
      'gw 1.5.0 (counter 13) waits: the maintenance window is closed; not before 2026-11-20 22:00:00 UTC',
    ],
    [result('failed', { failure: failed('NO_SPACE') }), 'gw 1.5.0 (counter 13) has failed: it did not work'],
    [
      result('rolledBack', { release: undefined }),
      'gw was rolled back; what was there before is in use again',
    ],
  ];
  for (const [one, line] of lines) t.deepEqual(describeUpdate(one, 'gw'), [line]);
});
