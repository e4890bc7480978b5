/** The agent with real updates on a desk: it is ended by each restart, and begun again after it. */
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { runAgent } from '../../src/device/agent.ts';
import { WakeUp } from '../../src/device/schedule/pause.ts';
import { runUpdate } from '../../src/device/update/run-update.ts';
import type { UpdateOutcome } from '../../src/device/update/update-result.ts';
import {
  type Desk,
  type DeskOptions,
  deskImages,
  factoryDesk,
  openDesk,
  publishDesk,
} from '../support/desk-device.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { type VirtualTime, virtualTime } from '../support/virtual-time.ts';

interface Agent {
  readonly time: VirtualTime;
  /** What each round came to, an error as its text. */
  readonly rounds: string[];
  /** When they began. */
  readonly at: number[];
  until(outcome: UpdateOutcome): Promise<void>;
  end(): Promise<void>;
}

/** One life of the agent, from a start of the device to its end. */
function startAgent(t: ExecutionContext<unknown>, desk: Desk): Agent {
  const time = virtualTime(new Date(desk.clock.now));
  const rounds: string[] = [];
  const at: number[] = [];
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  const ended = runAgent(
    { ...desk.device, now: time.now },
    {
      update: async (device, options) => {
        at.push(time.uptime());
        try {
          const result = await runUpdate(device, options);
          rounds.push(result.outcome);
          return result;
        } catch (error) {
          rounds.push(String(error));
          throw error;
        }
      },
      exclusively: (action) => action(),
      stop: stop.signal,
      sleep: time.sleep,
      wake: new WakeUp(),
      random: () => 0.5,
      uptime: time.uptime,
    },
  );
  return {
    time,
    rounds,
    at,
    until: (outcome) => time.until(() => rounds.at(-1) === outcome),
    async end() {
      stop.abort();
      await ended;
      desk.clock.now = time.now().getTime();
    },
  };
}

async function newDesk(t: ExecutionContext<unknown>, options: Partial<DeskOptions> = {}) {
  const base = await temporaryDirectory(t);
  const all = { repositories: [join(base, 'repository')], ...options };
  await publishDesk(base, '1.0');
  const root = join(base, 'desk');
  const desk = await factoryDesk(root, all, deskImages('0.9'));
  return { base, desk, restarted: () => openDesk(root, all) };
}

test('an agent installs what is published, and after the restart finds it healthy at once', async (t) => {
  const { base, desk, restarted } = await newDesk(t);
  const first = startAgent(t, desk);
  await first.until('rebooting');
  await first.end();

  const second = startAgent(t, restarted());
  await second.until('updated');
  t.deepEqual(second.at, [0], 'the health of a new system does not wait for the first check');
  await publishDesk(base, '2.0');
  await second.until('rebooting');
  t.deepEqual(second.rounds, ['updated', 'rebooting']);
  t.is(second.at[1], 3_630_000, 'an hour and half of the jitter later');
  await second.end();

  const third = startAgent(t, restarted());
  await third.until('upToDate');
  t.deepEqual(third.rounds, ['updated', 'upToDate']);
  t.is(restarted().app(), '2.0');
  t.is(await restarted().floor(), 2);
});

test('a release that is not healthy is rolled back, and not tried again until another one is published', async (t) => {
  const { base, desk, restarted } = await newDesk(t, {
    hooks: {
      health: ({ version }) => {
        if (version === '2.0') throw new Error('no uplink');
      },
    },
  });
  const first = startAgent(t, desk);
  await first.until('rebooting');
  await first.end();
  const second = startAgent(t, restarted());
  await second.until('updated');
  await publishDesk(base, '2.0');
  await second.until('rebooting');
  await second.end();

  const third = startAgent(t, restarted());
  await third.until('rebooting');
  await third.end();
  const fourth = startAgent(t, restarted());
  await fourth.time.until(() => fourth.rounds.length === 4);
  t.deepEqual(fourth.rounds, ['rolledBack', 'waiting', 'waiting', 'waiting']);
  t.is(await restarted().floor(), 1);
  t.is(restarted().app(), '1.0');
  await publishDesk(base, '3.0');
  await fourth.until('rebooting');
  await fourth.end();
  const fifth = startAgent(t, restarted());
  await fifth.until('updated');
  t.is(restarted().app(), '3.0');
});

test('a restart that does not come is asked for again, and in the end given up', async (t) => {
  const { desk } = await newDesk(t, { reboot: async () => {} });
  const agent = startAgent(t, desk);
  await agent.time.until(() => agent.rounds.length > 0 && agent.rounds.at(-1) !== 'rebooting');
  t.is(desk.hooks.filter((hook) => hook === 'reboot').length, 3);
  t.deepEqual(agent.rounds.slice(0, 3), ['rebooting', 'rebooting', 'rebooting']);
  t.true((agent.at[2] ?? 0) - (agent.at[1] ?? 0) >= 600_000);
  t.is((await desk.state()).lastUpdate?.failure?.code, 'HOOK_FAILED');
});

test('an update waits for its window and begins in it', async (t) => {
  const windows = [
    { days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const, from: 120, to: 240, timeZone: 'UTC' },
  ];
  const { desk } = await newDesk(t, {
    config: {
      polling: { interval: 86_400, jitter: 60, windows: windows.map((w) => ({ ...w, days: [...w.days] })) },
    },
  });
  const agent = startAgent(t, desk);
  await agent.until('rebooting');
  t.deepEqual(agent.rounds, ['waiting', 'rebooting']);
  // From 05:06:07 to 02:00 of the next day, and a little, so that a fleet does not begin together.
  const began = agent.at[1] ?? 0;
  t.is(new Date(desk.clock.now + began).toISOString(), '2026-03-05T02:00:30.000Z');
  t.true(desk.hooks.includes('preInstall'));
});

test('a repository that is away is asked again later each time', async (t) => {
  const { desk } = await newDesk(t, { repositories: ['/no/such/repository'] });
  const agent = startAgent(t, desk);
  await agent.time.until(() => agent.rounds.length === 5);
  const waits = agent.at.slice(1).map((at, index) => at - (agent.at[index] ?? 0));
  for (const [index, wait] of waits.entries()) {
    if (index > 0) t.true(wait >= (waits[index - 1] ?? 0) || wait >= 1_800_000, `${waits}`);
  }
  t.true((waits[0] ?? 0) >= 60_000);
});
