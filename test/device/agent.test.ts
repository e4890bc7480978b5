import { getEventListeners } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test, { type ExecutionContext } from 'ava';
import { SiltError } from '../../src/core/errors.ts';
import { type AgentOptions, runAgent } from '../../src/device/agent.ts';
import type { LogEntry } from '../../src/device/log.ts';
import { WakeUp } from '../../src/device/schedule/pause.ts';
import { FIRST_CHECK_WITHIN_MS } from '../../src/device/schedule/polling.ts';
import type { Device } from '../../src/device/update/device.ts';
import { type DeviceState, FIRST_STATE } from '../../src/device/update/device-state.ts';
import type { RunOptions, UpdateResult } from '../../src/device/update/update-result.ts';
import { throwsSilt } from '../support/throws-silt.ts';
import { virtualTime } from '../support/virtual-time.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const UP_TO_DATE: UpdateResult = {
  outcome: 'upToDate',
  phase: undefined,
  release: { version: '1.0.0', counter: 1 },
  failure: undefined,
  reason: undefined,
  notBefore: undefined,
  bytesFetched: 0,
  requests: 1,
};

interface Setting {
  /** What the journal holds; a function may throw. */
  readonly state?: () => Partial<DeviceState>;
  readonly polling?: { readonly interval: number; readonly jitter: number };
  readonly random?: () => number;
  /** What round `index`, from 0, comes to; `upToDate` by default. */
  readonly update?: (
    index: number,
    options: RunOptions,
  ) => Promise<Partial<UpdateResult>> | Partial<UpdateResult>;
  readonly deliver?: AgentOptions['deliver'];
  readonly exclusively?: AgentOptions['exclusively'];
}

/** An agent of which the test is the update, the clock and the outbox. It is stopped when the test ends. */
function startAgent(t: ExecutionContext<unknown>, setting: Setting = {}) {
  const time = virtualTime();
  const rounds: number[] = [];
  const log: LogEntry[] = [];
  const stop = new AbortController();
  const wake = new WakeUp();
  const device = {
    config: { polling: { windows: [], ...(setting.polling ?? { interval: 6 * 3600, jitter: 0 }) } },
    journal: { read: async () => ({ ...FIRST_STATE, ...setting.state?.() }) },
    log: (entry: LogEntry) => void log.push(entry),
    now: time.now,
  } as unknown as Device;
  const ended = runAgent(device, {
    update: async (_device, options) => {
      rounds.push(time.uptime());
      return { ...UP_TO_DATE, ...(await setting.update?.(rounds.length - 1, options)) };
    },
    deliver: setting.deliver,
    exclusively: setting.exclusively ?? ((action) => action()),
    stop: stop.signal,
    sleep: time.sleep,
    wake,
    random: setting.random ?? (() => 0),
    uptime: time.uptime,
  });
  ended.catch(() => {});
  t.teardown(() => stop.abort());
  return { time, rounds, log, stop, wake, ended };
}

const failure = (code: 'NETWORK' | 'CONFIG_INVALID' | 'LOCKED' | 'IO_FAILED'): SiltError =>
  new SiltError(code, `it is ${code}`, { transient: code === 'NETWORK' });

const underWay = {
  update: {
    id: '6b7e7f0a-0000-4000-8000-000000000001',
    kind: 'update',
    release: { version: '2.0.0', counter: 2 },
    phase: 'health',
    startedAt: 0,
    parts: [],
    reboots: 1,
    steps: 8,
  },
} as const satisfies Partial<DeviceState>;

test('the first check comes soon, and then one after each interval and its jitter', async (t) => {
  const { time, rounds } = startAgent(t, {
    polling: { interval: 3600, jitter: 600 },
    random: () => 0.5,
  });
  await time.until(() => rounds.length === 3);
  t.deepEqual(rounds, [2.5 * MINUTE, 67.5 * MINUTE, 132.5 * MINUTE]);
});

test('devices that start together do not ask together', async (t) => {
  const first: number[] = [];
  for (let device = 0; device < 100; device += 1) {
    const random = (): number => ((device * 7919) % 100) / 100;
    const { time, rounds, stop } = startAgent(t, { random, polling: { interval: 3600, jitter: 600 } });
    await time.until(() => rounds.length === 1);
    stop.abort();
    first.push(rounds[0] ?? Number.NaN);
  }
  t.is(new Set(first).size, 100);
  t.true(first.every((wait) => wait >= 0 && wait < FIRST_CHECK_WITHIN_MS));
});

test('an update under way goes on at once, and so does a device that cannot read its journal', async (t) => {
  const states = [
    () => underWay,
    () => {
      throw new SiltError('JOURNAL_DAMAGED', 'damaged');
    },
  ];
  for (const state of states) {
    const { time, rounds } = startAgent(t, {
      state,
      random: () => 0.9,
      polling: { interval: 3600, jitter: 600 },
    });
    await time.until(() => rounds.length === 1);
    t.deepEqual(rounds, [0]);
  }
});

test('a round that says when another makes sense is followed by that one', async (t) => {
  const { time, rounds, log } = startAgent(t, {
    update: (index) =>
      index === 0
        ? { outcome: 'waiting', reason: 'a window', notBefore: new Date('2026-03-04T14:00:00Z') }
        : {},
  });
  await time.until(() => rounds.length === 3);
  t.deepEqual(rounds, [0, 2 * HOUR, 8 * HOUR]);
  t.is(log[0]?.message, 'waits: a window; the next round is at 2026-03-04T14:00:00.000Z');
  t.deepEqual(log[0]?.data, {
    outcome: 'waiting',
    version: '1.0.0',
    code: undefined,
    until: '2026-03-04T14:00:00.000Z',
  });
});

test('devices that wait for the same window do not begin together', async (t) => {
  const { time, rounds } = startAgent(t, {
    polling: { interval: 6 * 3600, jitter: 600 },
    random: () => 0.5,
    update: () => ({ outcome: 'waiting', notBefore: new Date('2026-03-04T14:00:00Z') }),
  });
  await time.until(() => rounds.length === 2);
  t.is(rounds[1], 2 * HOUR + 30_000);
});

test('a time beyond the next check does not put that off', async (t) => {
  const { time, rounds } = startAgent(t, {
    update: () => ({ outcome: 'waiting', notBefore: new Date('2026-03-09T12:00:00Z') }),
  });
  await time.until(() => rounds.length === 2);
  t.deepEqual(rounds, [0, 6 * HOUR]);
});

test('a time that is over already does not make it run in circles', async (t) => {
  const { time, rounds } = startAgent(t, {
    update: () => ({ outcome: 'waiting', notBefore: new Date('2026-03-04T11:00:00Z') }),
  });
  await time.until(() => rounds.length === 3);
  t.deepEqual(rounds, [0, 10_000, 20_000]);
});

test('a clock that is put right meanwhile is looked at', async (t) => {
  const { time, rounds } = startAgent(t, {
    update: () => ({ outcome: 'waiting', notBefore: new Date('2026-03-04T16:00:00Z') }),
  });
  await time.until(() => rounds.length === 1);
  await time.pass(MINUTE);
  time.setClock(new Date('2031-01-01T00:00:00Z'));
  await time.until(() => rounds.length === 2);
  t.true((rounds[1] ?? 0) <= 3 * MINUTE, 'forward: the time has come');
});

test('a clock that is set back does not put off the next check', async (t) => {
  const { time, rounds } = startAgent(t, {
    update: () => ({ outcome: 'waiting', notBefore: new Date('2026-03-04T13:00:00Z') }),
  });
  await time.until(() => rounds.length === 1);
  time.setClock(new Date('1970-01-01T00:00:00Z'));
  await time.until(() => rounds.length === 2);
  t.is(rounds[1], 6 * HOUR);
});

test('a call wakes it at once', async (t) => {
  const { time, rounds, wake } = startAgent(t);
  await time.until(() => rounds.length === 1);
  await time.pass(HOUR);
  wake.call();
  wake.call();
  await time.until(() => rounds.length === 2);
  await time.pass(HOUR);
  t.deepEqual(rounds, [0, HOUR], 'two calls at once are one');
});

test('a call while it is at work is heard afterwards', async (t) => {
  const { time, rounds, wake } = startAgent(t, {
    update: (index) => {
      if (index === 0) wake.call();
      return {};
    },
  });
  await time.until(() => rounds.length === 2);
  t.deepEqual(rounds, [0, 0]);
});

test('after a restart was asked for it waits to be ended, whoever calls, and then asks again', async (t) => {
  const { time, rounds, wake } = startAgent(t, { update: () => ({ outcome: 'rebooting' }) });
  await time.until(() => rounds.length === 1);
  wake.call();
  await time.until(() => rounds.length === 2);
  t.deepEqual(rounds, [0, 10 * MINUTE]);
});

test('a round that throws anything is told and tried again, later each time', async (t) => {
  const thrown: unknown[] = [failure('NETWORK'), failure('IO_FAILED'), new TypeError('a bug'), 'a text'];
  const { time, rounds, log } = startAgent(t, {
    update: (index) => {
      if (index < thrown.length) throw thrown[index];
      return {};
    },
  });
  await time.until(() => rounds.length === 6);
  // Half of each wait is chance, which is none here.
  t.deepEqual(rounds, [0, 30_000, 90_000, 210_000, 450_000, 450_000 + 6 * HOUR]);
  t.deepEqual(
    log.slice(0, 5).map(({ level, topic, data }) => [level, topic, data?.code, data?.failures]),
    [
      ['warning', 'schedule', 'NETWORK', 1],
      ['error', 'schedule', 'IO_FAILED', 2],
      ['error', 'schedule', 'INTERNAL', 3],
      ['error', 'schedule', 'INTERNAL', 4],
      ['info', 'schedule', undefined, undefined],
    ],
  );
  t.regex(String(log[2]?.data?.stack), /TypeError: a bug\n +at .*agent\.test/);
  t.is(log[1]?.data?.stack, undefined);
  t.is(log[0]?.message, 'it is NETWORK; the next try is at 2026-03-04T12:00:30.000Z');
});

test('failures in a row never wait for longer than the interval', async (t) => {
  const { time, rounds } = startAgent(t, {
    polling: { interval: 3600, jitter: 0 },
    random: () => 0.999,
    update: () => {
      throw failure('NETWORK');
    },
  });
  await time.until(() => rounds.length === 30);
  const waits = rounds.slice(1).map((at, index) => at - (rounds[index] ?? 0));
  t.true(waits.every((wait) => wait >= 30_000 && wait <= HOUR));
  t.true((waits.at(-1) ?? 0) > HOUR / 2);
});

test('a failure of which the journal says when to try again is tried again then', async (t) => {
  const retry = {
    failures: 2,
    notBefore: Date.parse('2026-03-04T12:07:00Z'),
    code: 'NETWORK',
    message: 'down',
  };
  const { time, rounds } = startAgent(t, {
    state: () => ({ retry }),
    update: (index) => {
      if (index === 0) throw failure('NETWORK');
      return {};
    },
  });
  await time.until(() => rounds.length === 2);
  t.deepEqual(rounds, [0, 7 * MINUTE]);
});

test('an operator at work is no failure worth a complaint', async (t) => {
  const { time, rounds, log } = startAgent(t, {
    exclusively: async (action) => {
      if (rounds.length === 0 && log.length === 0) throw failure('LOCKED');
      return await action();
    },
  });
  await time.until(() => rounds.length === 1);
  t.deepEqual(rounds, [30_000]);
  t.is(log[0]?.level, 'info');
});

test('a configuration that cannot work ends it at the start, and not later', async (t) => {
  const refused = startAgent(t, {
    update: () => {
      throw failure('CONFIG_INVALID');
    },
  });
  await refused.time.until(() => refused.rounds.length === 1);
  await throwsSilt(t, () => refused.ended, 'CONFIG_INVALID');
  const later = startAgent(t, {
    update: (index) => {
      if (index === 1) throw failure('CONFIG_INVALID');
      return {};
    },
  });
  await later.time.until(() => later.rounds.length === 3);
  t.is(later.log[1]?.data?.code, 'CONFIG_INVALID');
});

test('a stop ends it while it waits', async (t) => {
  const { time, rounds, stop, ended } = startAgent(t);
  await time.until(() => rounds.length === 1);
  stop.abort(new Error('stop'));
  await t.notThrowsAsync(ended);
  t.is(rounds.length, 1);
  t.is(time.sleepers(), 0);
});

test('a stop ends it where the update can go on, and is no failure of it', async (t) => {
  let isAsked = false;
  const { time, rounds, log, stop, ended } = startAgent(t, {
    update: async (_index, { signal }) =>
      await new Promise((_resolve, reject) => {
        isAsked = true;
        signal?.addEventListener('abort', () => reject(signal.reason));
      }),
  });
  await time.until(() => isAsked);
  stop.abort(new SiltError('INTERRUPTED', 'stop'));
  await t.notThrowsAsync(ended);
  t.is(rounds.length, 1);
  t.deepEqual(log, []);
});

test('a stop before the first round keeps it from beginning', async (t) => {
  const { stop, rounds, ended } = startAgent(t);
  stop.abort();
  await ended;
  t.deepEqual(rounds, []);
});

test('reports are delivered before the update, every minute while it runs, and after it', async (t) => {
  const told: string[] = [];
  const { time, rounds } = startAgent(t, {
    update: async () => {
      told.push('update');
      await time.sleep(2.5 * MINUTE);
      told.push('updated');
      return {};
    },
    deliver: async () => {
      told.push(`deliver at ${time.uptime() / MINUTE}`);
      return { notBefore: undefined };
    },
  });
  await time.until(() => rounds.length === 2);
  t.deepEqual(told.slice(0, 6), [
    'deliver at 0',
    'update',
    'deliver at 1',
    'deliver at 2',
    'updated',
    'deliver at 2.5',
  ]);
});

test('reports that wait are delivered when they are due, without asking for updates', async (t) => {
  const delivered: number[] = [];
  let locked = 0;
  let entered = 0;
  const { time, rounds, log } = startAgent(t, {
    deliver: async () => {
      delivered.push(time.uptime() / MINUTE);
      return { notBefore: delivered.length < 4 ? new Date(time.now().getTime() + 20 * MINUTE) : undefined };
    },
    exclusively: async (action) => {
      entered += 1;
      if (entered === 2) {
        locked += 1;
        throw failure('LOCKED');
      }
      return await action();
    },
  });
  await time.until(() => rounds.length === 2);
  t.is(locked, 1);
  t.deepEqual(delivered.slice(0, 4), [0, 0, 21, 41], 'after an operator was at work a minute later');
  t.deepEqual(rounds, [0, 6 * HOUR]);
  t.is(log.filter(({ topic }) => topic === 'report').length, 0);
});

test('reports that cannot be delivered do not disturb the update', async (t) => {
  const { time, rounds, log } = startAgent(t, {
    deliver: async () => {
      throw failure('IO_FAILED');
    },
  });
  await time.until(() => rounds.length === 2);
  t.deepEqual(rounds, [0, 6 * HOUR]);
  t.is(log.find(({ topic }) => topic === 'report')?.message, 'events were not delivered: it is IO_FAILED');
});

test('an update that throws has its reports delivered too', async (t) => {
  const told: string[] = [];
  const { time } = startAgent(t, {
    update: () => {
      told.push('update');
      throw failure('NETWORK');
    },
    deliver: async () => {
      told.push('deliver');
      return { notBefore: undefined };
    },
  });
  await time.until(() => told.length === 3);
  t.deepEqual(told, ['deliver', 'update', 'deliver']);
});

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function heapUsed(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

test('after hundreds of rounds nothing has piled up', async (t) => {
  let before = 0;
  const { time, rounds, log, stop, wake } = startAgent(t, {
    polling: { interval: 600, jitter: 60 },
    random: Math.random,
    update: (index) => {
      log.length = 0;
      if (index % 7 === 3) throw failure('NETWORK');
      return index % 5 === 2 ? { outcome: 'waiting', notBefore: new Date(time.now().getTime() + 1) } : {};
    },
    deliver: async () => ({ notBefore: new Date(time.now().getTime() + 5 * MINUTE) }),
  });
  await time.until(() => rounds.length === 50);
  before = heapUsed();
  await time.until(() => rounds.length === 350);
  await time.pass(1000);
  t.true(heapUsed() - before < 1024 * 1024, `grew by ${heapUsed() - before} bytes`);
  t.is(getEventListeners(stop.signal, 'abort').length, 1);
  t.is(getEventListeners(wake.signal, 'abort').length, 1);
  t.is(time.sleepers(), 1);
});
