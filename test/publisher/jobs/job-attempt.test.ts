import { mock } from 'node:test';
import test from 'ava';
import { SiltError } from '../../../src/core/errors.ts';
import { attemptJob } from '../../../src/publisher/jobs/job-attempt.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

const { signal: never } = new AbortController();

/** Ends when the signal does, with its reason. */
function untilAborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(signal.reason));
  return promise;
}

test('a job that stands still is aborted and given up, even if it does not listen', async (t) => {
  const signals: AbortSignal[] = [];
  const hang = (signal: AbortSignal): Promise<never> => {
    signals.push(signal);
    return Promise.withResolvers<never>().promise;
  };
  const options = { patienceMs: 10, signal: never };
  const error = await throwsSilt(t, () => attemptJob(({ signal }) => hang(signal), options), 'IO_FAILED');
  t.regex(error.message, /stood still for 1 min/);
  t.true(signals[0]?.aborted);
  t.is(signals[0]?.reason, error);
  await throwsSilt(t, () => attemptJob(({ signal }) => untilAborted(signal), options), 'IO_FAILED');
});

test.serial('a job that moves takes as long as it takes', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  const heard: number[] = [];
  const isAborted = await attemptJob(
    async ({ moved, signal }) => {
      for (let step = 0; step < 60; step += 1) {
        mock.timers.tick(100);
        moved();
      }
      mock.timers.tick(199);
      return signal.aborted;
    },
    { patienceMs: 200, signal: never, onMove: (moves) => heard.push(moves) },
  );
  t.false(isAborted);
  t.is(heard.at(-1), 60);
  const still = attemptJob(
    async ({ moved }) => {
      moved();
      mock.timers.tick(201);
      return await Promise.withResolvers<never>().promise;
    },
    { patienceMs: 200, signal: never },
  );
  await throwsSilt(t, () => still, 'IO_FAILED');
});

test('what fails fails as it is, and the end of the worker is the end of the job', async (t) => {
  const options = { patienceMs: 60_000, signal: never };
  const full = new SiltError('NO_SPACE', 'the disk is full');
  const work = async (): Promise<never> => {
    throw full;
  };
  t.is(await throwsSilt(t, () => attemptJob(work, options), 'NO_SPACE'), full);
  const worker = new AbortController();
  const attempt = attemptJob(({ signal }) => untilAborted(signal), { ...options, signal: worker.signal });
  worker.abort(new Error('stopped'));
  await t.throwsAsync(attempt, { message: 'stopped' });
});

test.serial('a job that comes when its worker is ending is waited for as briefly', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  const attempt = attemptJob(
    async () => {
      mock.timers.tick(5000);
      return await Promise.withResolvers<never>().promise;
    },
    { patienceMs: 60_000, signal: AbortSignal.abort(new Error('stopped')) },
  );
  await t.throwsAsync(attempt, { message: 'stopped' });
});

test.serial('a job that does not end with its worker is left behind after some seconds', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  const worker = new AbortController();
  const attempt = attemptJob(
    async ({ moved }) => {
      worker.abort(new Error('stopped'));
      mock.timers.tick(4999);
      moved();
      mock.timers.tick(1);
      return await Promise.withResolvers<never>().promise;
    },
    { patienceMs: 60_000, signal: worker.signal },
  );
  await t.throwsAsync(attempt, { message: 'stopped' });
});
