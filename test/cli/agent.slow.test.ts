import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import { KiB } from '../../src/core/sizes.ts';
import { simulatedBootLoader } from '../../src/device/boot/simulated-boot-loader.ts';
import { type EventsServer, serveEvents } from '../support/events-server.ts';
import { createJsonCli } from '../support/json-cli.ts';
import { type CliResult, resultOf } from '../support/run-cli.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

interface LogLine {
  readonly time: string;
  readonly level: string;
  readonly topic: string;
  readonly message: string;
  readonly hook?: string;
  readonly code?: string;
  readonly exit?: number;
  readonly outcome?: string;
}

const image = (version: number): Buffer =>
  Buffer.concat([seededBytes('agent: common', 200 * KiB), seededBytes(`agent: ${version}`, 20 * KiB)]);

/** What has been reported, in order. */
const kindsOf = ({ taken }: EventsServer): (string | undefined)[] => taken.map((id) => id.split('.')[1]);

const linesOf = ({ stderr }: CliResult): LogLine[] =>
  stderr
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as LogLine);

/** A device of two files, a simulated boot loader, and a signed repository with version 1. */
async function makeDevice(t: ExecutionContext<unknown>, more = '') {
  const cli = await createJsonCli(t);
  const inside = (name: string): string => join(cli.directory, name);
  const publish = async (version: number): Promise<void> => {
    await writeFile(inside('image'), image(version));
    const about = ['--repo', 'repo', '--product', 'gateway', '--version', String(version)];
    const how = ['--image', 'rootfs=image', '--channel', 'stable', '--compression', '1', '--workers', '1'];
    await cli.json(0, 'publish', ...about, ...how, '--keys', 'keys');
  };
  await cli.json(0, 'keys', 'init', 'keys', '--repo', 'repo', '--product', 'gateway');
  await publish(1);
  await writeFile(inside('a'), image(0));
  await writeFile(inside('b'), '');
  await writeFile(
    inside('device.yaml'),
    `device: { id: gw-1 }
product: gateway
repositories: [./repo]
trust: { root: keys/root.json }
components:
  - name: rootfs
    installer: { type: slots, slots: [{ device: a, boot: A }, { device: b, boot: B }] }
bootLoader: { type: simulated, state: boot.json }
hooks:
  reboot: { command: ['true'] }
  defer: { command: [sh, -c, '[ ! -e "${inside('busy')}" ] || exit 75; [ ! -e "${inside('slow')}" ] || sleep 1000'] }
  health: { command: [sh, -c, 'echo "$SILT_HOOK of $SILT_VERSION in $SILT_SLOT on $SILT_DEVICE"'] }
stateDirectory: state-of-device
polling: { interval: 6h, jitter: 0s }
${more}`,
  );
  const loader = simulatedBootLoader({ path: inside('boot.json'), slots: ['A', 'B'] });
  return {
    ...cli,
    inside,
    publish,
    loader,
    agent: (...args: string[]) => cli.run('agent', '--config', 'device.yaml', ...args),
  };
}

test('one round at a time installs a release, and goes on after the restart', async (t) => {
  const server = await serveEvents(t);
  const { agent, loader, inside, publish } = await makeDevice(t, `feedback: { url: "${server.url}" }`);
  const installed = await agent('--once');
  t.is(installed.status, 0, installed.stderr);
  t.is(installed.stdout, '');
  t.like(linesOf(installed).at(-1), { level: 'info', topic: 'agent', outcome: 'rebooting' });
  t.deepEqual(await readFile(inside('b')), image(1));
  t.deepEqual(kindsOf(server), ['started', 'installed']);

  t.is(await loader.boot(), 'B');
  const resumed = await agent('--once', '--resume');
  t.is(resumed.status, 0, resumed.stderr);
  const lines = linesOf(resumed);
  t.like(
    lines.find(({ topic }) => topic === 'hook'),
    { level: 'info', message: 'health of 1 in B on gw-1', hook: 'health' },
  );
  t.like(lines.at(-1), { outcome: 'updated' });
  t.deepEqual(kindsOf(server), ['started', 'installed', 'booted', 'healthy']);
  for (const { time, level, topic, message } of lines) {
    t.false(Number.isNaN(Date.parse(time)));
    t.true([level, topic, message].every((text) => text.length > 0));
  }

  await publish(2);
  const resumedAgain = await agent('--once', '--resume');
  t.like(linesOf(resumedAgain).at(-1), { outcome: 'upToDate' }, 'no other update is looked for');
  await writeFile(inside('busy'), '');
  const busy = await agent('--once');
  t.is(busy.status, 75);
  t.like(linesOf(busy).at(-1), { level: 'info', outcome: 'waiting' });
});

test('the agent that stays hears SIGHUP, and ends by SIGTERM without a failure', async (t) => {
  const { start, inside } = await makeDevice(t);
  writeFileSync(inside('busy'), '');
  const child = start('agent', '--config', 'device.yaml');
  const ended = resultOf(child);
  const outcomes: (string | undefined)[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    const { topic, outcome } = JSON.parse(line) as LogLine;
    if (topic !== 'schedule') continue;
    outcomes.push(outcome);
    if (outcome === 'waiting') {
      await rm(inside('busy'));
      child.kill('SIGHUP');
    } else {
      child.kill('SIGTERM');
    }
  }
  t.deepEqual(outcomes, ['waiting', 'rebooting']);
  t.is((await ended).status, 0);
  t.deepEqual(await readFile(inside('b')), image(1));
});

test('a round that is ended is no failure of the update, and the next one goes on', async (t) => {
  const { agent, start, inside } = await makeDevice(t);
  await writeFile(inside('slow'), '');
  const child = start('agent', '--config', 'device.yaml', '--once');
  const ended = once(child, 'exit');
  const lines: LogLine[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    lines.push(JSON.parse(line) as LogLine);
    if (lines.at(-1)?.topic === 'preInstall') child.kill('SIGTERM');
  }
  t.deepEqual(await ended, [130, null]);
  t.like(lines.at(-1), { level: 'info', topic: 'agent', code: 'INTERRUPTED', exit: 130 });
  await rm(inside('slow'));
  const resumed = await agent('--once', '--resume');
  t.is(resumed.status, 0, resumed.stderr);
  t.false(
    linesOf(resumed).some(({ topic }) => topic === 'fetch'),
    'nothing is fetched again',
  );
  t.like(linesOf(resumed).at(-1), { outcome: 'rebooting' });
});

test('what keeps the agent from starting is told as a line of the log too', async (t) => {
  const { agent, run, inside } = await makeDevice(t);
  const missing = await run('agent', '--config', 'nowhere.yaml', '--once');
  t.not(missing.status, 0);
  t.like(linesOf(missing).at(-1), { level: 'error', topic: 'agent', exit: missing.status });
  await writeFile(inside('device.yaml'), 'product: gateway\n');
  const wrong = await agent();
  t.is(wrong.status, 2);
  t.like(linesOf(wrong).at(-1), { level: 'error', topic: 'agent', code: 'CONFIG_INVALID', exit: 2 });
  const alone = await run('agent', '--resume');
  t.is(alone.status, 2);
  t.regex(alone.stderr, /expected --once with --resume/);
});
