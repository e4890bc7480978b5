/**
 * Whole updates of a device on a desk by the command line alone: the unhealthy one, and what operators decide.
 */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import type { DeviceStatus } from '../../src/cli/device-status.ts';
import type { UpdateResult } from '../../src/device/update/update-result.ts';
import { deskFor } from '../support/desk.ts';

const openDesk = deskFor(test);

const CONFIG = ['--config', 'device.yaml'];
const INSTALL = ['install', ...CONFIG];
const STATUS = ['status', ...CONFIG];

test('a release that is not healthy is taken back, told, and tried again only when asked to', async (t) => {
  const { json, fails, run, directory } = await openDesk(t);
  await writeFile(join(directory, 'sick'), '');
  t.is((await json<UpdateResult>(0, ...INSTALL)).outcome, 'rebooting');
  t.is((await json<UpdateResult>(0, ...INSTALL)).outcome, 'rebooting');
  t.is((await json<DeviceStatus>(0, ...STATUS)).running, 'A');
  const error = await fails(1, ...INSTALL);
  t.is(error.code, 'HOOK_FAILED');
  t.like(error.details, { outcome: 'rolledBack', phase: 'health', version: '1' });
  t.is((await json<UpdateResult>(75, ...INSTALL)).outcome, 'waiting');
  const status = await run(...STATUS);
  t.is(status.status, 0);
  t.regex(
    status.stdout,
    /^ {2}blocked +1 \(counter 1\) since .*HOOK_FAILED; silt install --again tries it$/m,
  );
  t.regex(status.stdout, /^ {2}last update +1 \(counter 1\) rolled back at .*HOOK_FAILED in health/m);
  await rm(join(directory, 'sick'));
  t.is((await json<UpdateResult>(0, ...INSTALL, '--again')).outcome, 'rebooting');
  t.is((await json<UpdateResult>(0, ...INSTALL)).outcome, 'updated');
});

test('an operator marks good what runs, and goes back to what was there before', async (t) => {
  const { json, publish, directory } = await openDesk(t);
  await writeFile(join(directory, 'sick'), '');
  t.is((await json<UpdateResult>(0, ...INSTALL)).outcome, 'rebooting');
  t.is((await json<UpdateResult>(0, 'mark-good', ...CONFIG)).outcome, 'updated');
  await publish('2');
  await json<UpdateResult>(0, ...INSTALL);
  t.is((await json<UpdateResult>(0, 'mark-good', ...CONFIG)).outcome, 'updated');
  t.is((await json<DeviceStatus>(0, ...STATUS)).running, 'A');
  t.is((await json<UpdateResult>(0, 'rollback', ...CONFIG)).outcome, 'rebooting');
  t.is((await json<DeviceStatus>(0, ...STATUS)).running, 'B');
  await rm(join(directory, 'sick'));
  t.is((await json<UpdateResult>(0, ...INSTALL)).outcome, 'updated');
  t.is((await json<UpdateResult>(75, ...INSTALL)).outcome, 'waiting');
});

test('taking back an update that has been started is no failure', async (t) => {
  const { json } = await openDesk(t);
  await json<UpdateResult>(0, ...INSTALL);
  t.is((await json<DeviceStatus>(0, ...STATUS)).running, 'B');
  t.is((await json<UpdateResult>(0, 'rollback', ...CONFIG)).outcome, 'rebooting');
  t.is((await json<UpdateResult>(0, 'rollback', ...CONFIG)).outcome, 'rolledBack');
  t.is((await json<DeviceStatus>(0, ...STATUS)).running, 'A');
});
