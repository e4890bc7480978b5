import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import type { DeviceStatus } from '../../src/cli/device-status.ts';
import type { UpdateResult } from '../../src/device/update/update-result.ts';
import { withLock } from '../../src/io/lock-file.ts';
import { deskFor } from '../support/desk.ts';
import { createJsonCli } from '../support/json-cli.ts';

const openDesk = deskFor(test);

const CONFIG = ['--config', 'device.yaml'];
const INSTALL = ['install', ...CONFIG];
const STATUS = ['status', ...CONFIG];

test('a device is updated from one slot to the other, and says at each step what runs', async (t) => {
  const { json, inSlot, run, publish } = await openDesk(t);
  const before = await json<DeviceStatus>(0, ...STATUS);
  t.like(before, { running: 'A', floor: 0, problems: [] });
  t.is(before.journal?.installed, undefined);

  const first = await json<UpdateResult>(0, ...INSTALL);
  t.like(first, { outcome: 'rebooting', release: { version: '1', counter: 1 } });
  t.true(first.bytesFetched > 0);
  t.is(await inSlot('B'), '1');
  const during = await json<DeviceStatus>(0, ...STATUS);
  t.like(during, { running: 'B', floor: 0 });
  t.like(during.slots[0], { name: 'B', running: true, next: true, triesLeft: 2, holds: { as: 'new' } });

  t.is((await json<UpdateResult>(0, ...INSTALL)).outcome, 'updated');
  const after = await json<DeviceStatus>(0, ...STATUS);
  t.like(after, { running: 'B', floor: 1 });
  t.like(after.slots[0], { name: 'B', holds: { version: '1', counter: 1, as: 'healthy' } });
  t.is(after.slots[0]?.triesLeft, undefined);

  t.is((await json<UpdateResult>(4, ...INSTALL, '--detailed-exitcode')).outcome, 'upToDate');
  await publish('2');
  t.is((await json<UpdateResult>(0, ...INSTALL, '--detailed-exitcode')).outcome, 'rebooting');
  const last = await run(...INSTALL);
  t.deepEqual([last.status, last.stdout], [0, 'gateway 2 (counter 2) is installed and healthy\n']);
  t.is(await inSlot('A'), '2');
  t.is(await inSlot('B'), '1');
});

test('a version that there is not, and a root that is not there, exit as the failure does', async (t) => {
  const { fails, configure } = await openDesk(t);
  t.is((await fails(10, ...INSTALL, '--version', '9')).code, 'RELEASE_NOT_FOUND');
  await configure({ trust: 'trust: { root: none.json }' });
  const error = await fails(1, ...INSTALL);
  t.is(error.code, 'IO_FAILED');
  t.regex(`${error.message}`, /none\.json, which trust\.root names/);
});

test('while another silt is at work the exit status is 11, but status is shown', async (t) => {
  const { fails, json, directory } = await openDesk(t);
  await json<UpdateResult>(0, ...INSTALL);
  await withLock(join(directory, 'state/device/lock'), {}, async () => {
    t.is((await fails(11, ...INSTALL)).code, 'LOCKED');
    await json<DeviceStatus>(0, ...STATUS);
  });
});

test('the configuration is that of --config, else of SILT_CONFIG', async (t) => {
  const { fails } = await createJsonCli(t, { SILT_CONFIG: 'by-variable.yaml' });
  const byOption = await fails(2, 'install', '--config', 'by-option.yaml');
  t.is(byOption.code, 'CONFIG_INVALID');
  t.regex(`${byOption.message}`, /at by-option\.yaml/);
  t.regex(`${(await fails(2, 'status')).message}`, /at by-variable\.yaml/);
});

test('simulate-boot restarts a simulated device and no other', async (t) => {
  const { json, fails, run, configure, directory } = await openDesk(t);
  const boot = ['device', 'simulate-boot', 'device.yaml'];
  t.deepEqual(await json(0, ...boot), { slot: 'A', bootId: 'simulated-1' });
  t.is((await run(...boot)).stdout, 'A\n');
  const all = ['A', 'B'].map((name) => ({ name, triesLeft: 0 }));
  const state = { format: 'silt-simulated-boot', formatVersion: 1, slots: all };
  await writeFile(join(directory, 'boot.json'), JSON.stringify(state));
  t.is((await fails(1, ...boot)).code, 'BOOT_FAILED');
  await writeFile(join(directory, 'boot.json'), 'junk');
  t.is((await fails(16, ...boot)).code, 'BOOT_STATE_INVALID');
  const { problems } = await json<DeviceStatus>(16, ...STATUS);
  t.deepEqual(
    problems.map(({ part, code }) => [part, code]),
    [
      ['bootLoader', 'BOOT_STATE_INVALID'],
      ['running', 'BOOT_STATE_INVALID'],
    ],
  );
  await configure({ bootLoader: 'bootLoader: { type: grub }' });
  t.is((await fails(2, ...boot)).code, 'CONFIG_INVALID');
});
