import test from 'ava';
import { backoffDelay } from '../../src/core/backoff.ts';
import { SiltError } from '../../src/core/errors.ts';
import { type RetryReport, retryTransient } from '../../src/core/retry.ts';
import { seededRandom } from '../support/seeded-bytes.ts';

const base = { baseMs: 500, capMs: 20_000, random: () => 0 };

const resets = (retryAfterMs?: number): SiltError =>
  new SiltError('NETWORK', 'reset', { transient: true, details: { retryAfterMs } });

test('the wait doubles with each repetition up to its cap', (t) => {
  const waits = [1, 2, 3, 4, 5, 6, 7, 50, 2000].map((attempt) => backoffDelay(attempt, base));
  t.deepEqual(waits, [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000]);
});

test('half of the wait is chance', (t) => {
  const random = seededRandom(1);
  const waits = Array.from({ length: 1000 }, () => backoffDelay(3, { ...base, random }));
  t.true(waits.every((wait) => wait >= 1000 && wait <= 2000));
  t.true(new Set(waits).size > 500);
});

test('a server is never asked again before it said, and not by all at once', (t) => {
  const random = seededRandom(2);
  const options = { ...base, retryAfterMs: 60_000, random };
  const waits = Array.from({ length: 1000 }, () => backoffDelay(1, options));
  t.true(waits.every((wait) => wait >= 60_000 && wait <= 60_250));
  t.true(new Set(waits).size > 100);
});

test('a transient failure is repeated after the wait, and then succeeds', async (t) => {
  const waits: number[] = [];
  const reports: RetryReport[] = [];
  const result = await retryTransient(
    async (attempt) => {
      if (attempt === 1) throw resets();
      if (attempt === 2) throw resets(7000);
      return `call ${attempt}`;
    },
    { random: () => 0, sleep: async (ms) => void waits.push(ms), onRetry: (report) => reports.push(report) },
  );
  t.is(result, 'call 3');
  t.deepEqual(waits, [250, 7000]);
  t.deepEqual(
    reports.map(({ attempt, delayMs }) => [attempt, delayMs]),
    [
      [1, 250],
      [2, 7000],
    ],
  );
});

test('the last failure stands when all attempts are used up', async (t) => {
  let calls = 0;
  const options = { attempts: 3, sleep: async () => {} };
  const action = async (): Promise<never> => {
    calls += 1;
    throw new SiltError('NETWORK', `failure ${calls}`, { transient: true });
  };
  await t.throwsAsync(retryTransient(action, options), { message: 'failure 3' });
});

test('what is not transient is not repeated', async (t) => {
  let calls = 0;
  const action = async (): Promise<never> => {
    calls += 1;
    throw new SiltError('STORE_REFUSED', 'no');
  };
  await t.throwsAsync(retryTransient(action, { sleep: async () => {} }), { message: 'no' });
  t.is(calls, 1);
});

test('an abort ends the waiting', async (t) => {
  const reason = new Error('enough');
  const controller = new AbortController();
  const action = async (): Promise<never> => {
    throw resets();
  };
  const sleep = async (): Promise<void> => controller.abort(reason);
  t.is(await t.throwsAsync(retryTransient(action, { sleep, signal: controller.signal })), reason);
});
