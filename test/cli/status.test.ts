import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { describeDevice, formatTime } from '../../src/cli/describe-device.ts';
import { type DeviceStatus, deviceStatus } from '../../src/cli/device-status.ts';
import { slotHolds } from '../../src/cli/slot-holds.ts';
import { simulatedBootLoader } from '../../src/device/boot/simulated-boot-loader.ts';
import { type DeviceState, FIRST_STATE, type Update } from '../../src/device/update/device-state.ts';
import { openJournal } from '../../src/device/update/journal.ts';
import { openFloor } from '../../src/trust/floor.ts';
import { configIn, TWO_SLOTS } from '../support/configured-device.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const AT = Date.UTC(2026, 10, 20, 3, 12, 7);
const DIGEST = 'ab'.repeat(32);

const installed: NonNullable<DeviceState['installed']> = {
  version: '1.4.2',
  counter: 12,
  at: AT,
  slot: 'A',
  components: { rootfs: { version: '1.4.2', size: 10, sha256: DIGEST } },
};
const previous = { version: '1.4.1', counter: 11, slot: 'B' };

const updateIn = (phase: Update['phase'], more: Partial<Update> = {}): Update => ({
  id: '6b1e2a52-6f0c-4d39-9e2f-0d2c3b4a5f60',
  kind: 'update',
  release: { version: '1.5.0', counter: 13 },
  phase,
  startedAt: AT,
  parts: [],
  boot: { from: 'A', target: 'B' },
  reboots: 0,
  steps: 0,
  ...more,
});

/** A device in a directory, with this journal. */
async function device(
  t: ExecutionContext,
  state: Partial<DeviceState> = {},
  changes: Readonly<Record<string, string>> = {},
) {
  const directory = await temporaryDirectory(t);
  const config = configIn(directory, {
    components: TWO_SLOTS,
    bootLoader: 'bootLoader: { type: simulated, state: boot.json }',
    stateDirectory: 'stateDirectory: state',
    ...changes,
  });
  await openJournal(join(directory, 'state/device')).write({ ...FIRST_STATE, ...state });
  const status = () => deviceStatus(join(directory, 'device.yaml'), config, new AbortController().signal);
  /** Its lines, with the directory as `@`. */
  const lines = async (): Promise<string[]> =>
    describeDevice(await status()).map((line) => line.replaceAll(directory, '@'));
  const boot = simulatedBootLoader({ path: join(directory, 'boot.json'), slots: ['A', 'B'] });
  return { directory, status, lines, boot };
}

test('a device that was updated: what runs, what could be started again, and what happened', async (t) => {
  const lastCheck = { at: AT, repository: 'https://updates.example.com/', version: '1.4.2', counter: 12 };
  const { directory, lines, boot } = await device(t, { installed, previous, lastCheck });
  await openFloor(join(directory, 'state/floor')).raise('gateway', 12);
  await boot.markGood('B');
  await boot.markGood('A');
  t.deepEqual(await lines(), [
    'gateway on gw-1 (hardware imx8), channel stable',
    '  running     slot A: 1.4.2 (counter 12)',
    '  installed   1.4.2 (counter 12), healthy at 2026-11-20 03:12:07 UTC',
    '  update      none under way',
    '  last check  2026-11-20 03:12:07 UTC: 1.4.2 (counter 12) in https://updates.example.com/',
    '  floor       counter 12 and up is accepted',
    'slots, in the order of simulated',
    '  A  runs, starts next  1.4.2 (counter 12)                    @/slot-a',
    '  B  can be started     1.4.1 (counter 11), the previous one  @/slot-b',
    'components',
    '  rootfs  slots  installed: 1.4.2',
  ]);
});

test('an update under way, with its phase, its slot and its tries', async (t) => {
  const { lines, boot } = await device(t, { installed, previous, update: updateIn('reboot') });
  await boot.activate('B', 3);
  const before = await lines();
  t.true(before.includes('  running     slot A: 1.4.2 (counter 12)'));
  t.true(
    before.includes(
      '  update      1.5.0 (counter 13) in the phase reboot, to slot B; begun at 2026-11-20 03:12:07 UTC',
    ),
  );
  t.true(
    before.some((line) =>
      /^ {2}B {2}starts next, 3 starts left {2}1\.5\.0 .*not found healthy yet/.test(line),
    ),
  );
  await boot.boot();
  const after = await lines();
  t.true(after.includes('  running     slot B: 1.5.0 (counter 13), not found healthy yet'));
  t.true(after.some((line) => /^ {2}B {2}runs, starts next, 2 starts left/.test(line)));
});

test('failures: the one that is being undone, the last one, the next try, and what is blocked', async (t) => {
  const failure = { code: 'HOOK_FAILED', message: 'no network\u001b[31m', phase: 'health' } as const;
  const { lines } = await device(t, {
    installed,
    update: updateIn('rollBack', { failure }),
    lastUpdate: {
      id: '6b1e2a52-6f0c-4d39-9e2f-0d2c3b4a5f61',
      version: '1.4.9',
      counter: 12,
      outcome: 'failed',
      at: AT,
      failure: { code: 'NO_SPACE', message: 'the disk is full', phase: 'fetch', component: 'rootfs' },
    },
    retry: { failures: 2, notBefore: AT, code: 'NETWORK', message: 'no answer' },
    blocked: [{ version: '1.4.8', counter: 10, code: 'BOOT_FAILED', at: AT }],
    damaged: ['rootfs'],
  });
  const text = (await lines()).join('\n');
  t.regex(text, /update .*rollBack.*; HOOK_FAILED in health: no network/);
  t.false(text.includes('\u001b'));
  t.regex(
    text,
    /last update +1\.4\.9 \(counter 12\) failed at .*NO_SPACE in fetch of rootfs: the disk is full/,
  );
  t.regex(text, /next try +not before 2026-11-20 03:12:07 UTC, after 2 failures: NETWORK: no answer/);
  t.regex(text, /blocked +1\.4\.8 \(counter 10\) since .*BOOT_FAILED; silt install --again tries it/);
  t.regex(text, /damaged +rootfs: could not be rolled back/);
  t.regex(text, /^ {2}rootfs {2}slots .*could not be rolled back$/m);
});

test('what cannot be read is told in its line, and the rest is shown', async (t) => {
  const { directory, status, lines } = await device(t, { installed });
  for (const name of ['journal.a', 'journal.b']) {
    await writeFile(join(directory, 'state/device', name), 'junk');
  }
  await writeFile(join(directory, 'boot.json'), 'junk');
  await mkdir(join(directory, 'state/floor'));
  for (const name of ['gateway.a', 'gateway.b']) {
    await writeFile(join(directory, 'state/floor', name), 'junk');
  }
  const { problems, slots } = await status();
  t.deepEqual(
    problems.map(({ part, code }) => [part, code]),
    [
      ['bootLoader', 'BOOT_STATE_INVALID'],
      ['running', 'BOOT_STATE_INVALID'],
      ['journal', 'JOURNAL_DAMAGED'],
      ['floor', 'FLOOR_DAMAGED'],
    ],
  );
  t.deepEqual(
    slots.map(({ name, running, next, holds }) => [name, running, next, holds]),
    [
      ['A', undefined, undefined, undefined],
      ['B', undefined, undefined, undefined],
    ],
  );
  const text = (await lines()).join('\n');
  t.regex(text, /^ {2}running +which slot runs cannot be read: BOOT_STATE_INVALID/m);
  t.regex(text, /^ {2}journal +cannot be read: JOURNAL_DAMAGED/m);
  t.regex(text, /^ {2}floor +cannot be read: FLOOR_DAMAGED/m);
  t.regex(text, /^slots \(the order of simulated cannot be read/m);
  t.regex(text, /^ {2}A +contents not known +@\/slot-a$/m);
});

test('an id file that is missing is told, and no other line suffers', async (t) => {
  const { status, lines } = await device(t, { installed }, { device: 'device: { idFile: id }' });
  t.deepEqual(
    (await status()).problems.map(({ part, code }) => [part, code]),
    [['id', 'CONFIG_INVALID']],
  );
  t.regex((await lines())[0] ?? '', /^gateway on a device whose id cannot be read: CONFIG_INVALID/);
});

// One after the other: a program that is being written while another one is started cannot be run (ETXTBSY).
test.serial('a boot loader that cannot say what runs is not taken at a guess', async (t) => {
  const bootLoader = 'bootLoader: { type: command, command: [./boot] }';
  const { directory, status, lines } = await device(t, { installed }, { bootLoader });
  const program = '#!/bin/sh\ncase $1 in get-primary) echo B ;; get-state) echo good ;; *) exit 1 ;; esac\n';
  await writeFile(join(directory, 'boot'), program);
  await chmod(join(directory, 'boot'), 0o755);
  const { running, slots, problems } = await status();
  t.deepEqual([running, problems], [undefined, []]);
  t.deepEqual(
    slots.map((slot) => [slot.name, slot.running, slot.next]),
    [
      ['B', undefined, true],
      ['A', undefined, false],
    ],
  );
  t.regex((await lines()).join('\n'), /running +which slot runs is not known/);
});

test.serial('components tell what they hold, and one whose program fails is told', async (t) => {
  const components = `components:
  - { name: app, installer: { type: file, path: app } }
  - { name: motor, installer: { type: command, command: [./motor] } }
  - { name: broken, installer: { type: command, command: [./none] } }`;
  const changes = { components, bootLoader: 'bootLoader: { type: none }' };
  const { directory, status, lines } = await device(t, { installed }, changes);
  await writeFile(join(directory, 'app'), 'there');
  await writeFile(join(directory, 'motor'), '#!/bin/sh\necho \'{"present": true, "version": "7"}\'\n');
  await chmod(join(directory, 'motor'), 0o755);
  t.deepEqual(
    (await status()).problems.map(({ part, code }) => [part, code]),
    [['component broken', 'INSTALL_FAILED']],
  );
  const told = await lines();
  t.true(told.includes('  running     1.4.2 (counter 12)'));
  const last = told.slice(told.indexOf('components') + 1);
  t.deepEqual(last.slice(0, 2), ['  app     file     there', '  motor   command  7']);
  t.regex(last[2] ?? '', /^ {2}broken {2}command {2}cannot be read: INSTALL_FAILED/);
});

test('events are counted where feedback is configured, and not spoken of otherwise', async (t) => {
  const feedback = { feedback: 'feedback: { url: "https://updates.example.com/events" }' };
  const { status, lines } = await device(t, {}, feedback);
  t.is((await status()).events?.events, 0);
  t.true((await lines()).some((line) => /^ {2}events +0 waiting$/.test(line)));
  const without = await device(t);
  t.false((await without.lines()).some((line) => line.includes('events')));
});

test('nothing of a status is written anywhere', async (t) => {
  const directory = await temporaryDirectory(t);
  const config = configIn(directory, {
    components: TWO_SLOTS,
    bootLoader: 'bootLoader: { type: simulated, state: boot.json }',
    stateDirectory: 'stateDirectory: state',
  });
  await chmod(directory, 0o555);
  const status: DeviceStatus = await deviceStatus('x', config, new AbortController().signal);
  t.deepEqual(status.problems, []);
  await chmod(directory, 0o755);
  t.deepEqual(await readdir(directory), []);
});

test('a slot holds what the journal knows of it, by how far an update is', (t) => {
  const state = { ...FIRST_STATE, installed, previous };
  t.is(slotHolds(state, 'A')?.as, 'healthy');
  t.is(slotHolds(state, 'B')?.as, 'previous');
  t.is(slotHolds(state, 'C'), undefined);
  for (const phase of ['fetch', 'verify', 'install', 'rollBack', 'failed'] as const) {
    t.is(slotHolds({ ...state, update: updateIn(phase) }, 'B')?.as, 'coming', phase);
  }
  for (const phase of ['postInstall', 'activate', 'health', 'confirm'] as const) {
    t.deepEqual(slotHolds({ ...state, update: updateIn(phase) }, 'B'), {
      version: '1.5.0',
      counter: 13,
      as: 'new',
    });
  }
  // Going back writes no slot.
  t.is(slotHolds({ ...state, update: updateIn('reboot', { kind: 'return' }) }, 'B')?.as, 'previous');
});

test('times beyond any calendar do not stop it', (t) => {
  t.is(formatTime(0), '1970-01-01 00:00:00 UTC');
  t.is(formatTime(Number.MAX_SAFE_INTEGER), '+275760-09-13 00:00:00 UTC');
});
