import test from 'ava';
import { refresh } from '../../../src/trust/tuf/client.ts';
import { memoryState } from '../../../src/trust/tuf/metadata-state.ts';
import { throwsSilt } from '../../support/throws-silt.ts';
import { TufDevice } from '../../support/tuf-device.ts';
import { TufReleaseRepository } from '../../support/tuf-release-repository.ts';

const DAY = 86_400_000;
const SIGNED = new Date('2026-03-01T12:00:00Z');
const after = (days: number): Date => new Date(SIGNED.getTime() + days * DAY);

/** Root lives for a year from `SIGNED`, the rest for as long but the timestamp, which lives for a week. */
function dated(): { repository: TufReleaseRepository; device: TufDevice } {
  const repository = new TufReleaseRepository([], { now: SIGNED });
  for (const role of ['root', 'targets', 'snapshot']) repository.date(role, SIGNED, 365);
  repository.date('timestamp', SIGNED, 7);
  repository.publish('root', 'targets', 'snapshot', 'timestamp');
  return { repository, device: new TufDevice(repository) };
}

const clock1970 = new Date(0);
const clock2100 = new Date('2100-01-01T00:00:00Z');

test('a clock set to 1970 does not keep a device from its updates', async (t) => {
  const { device } = dated();
  const trusted = await device.refresh(clock1970);
  t.deepEqual(trusted.time, SIGNED);
});

test('a clock set to 1970 revives no timestamp that has expired since the last verified signature', async (t) => {
  const { repository, device } = dated();
  const frozen = repository.objects.get('metadata/timestamp.json') as Uint8Array;
  repository.date('timestamp', after(30), 7);
  repository.publish('timestamp');
  await device.refresh(after(30));
  // The device loses its timestamp (both copies are torn) and its clock; a later root says what time it is.
  repository.date('root', after(30), 365);
  repository.publish('root');
  await device.refresh(after(30));
  device.state.files.set('timestamp.json', Buffer.from('{'));
  repository.objects.set('metadata/timestamp.json', frozen);
  const { message } = await throwsSilt(t, () => device.refresh(clock1970), 'TRUST_EXPIRED');
  t.regex(
    message,
    /^timestamp expired at 2026-03-08T12:00:00Z; it is 2026-03-31T12:00:00Z by the last verified signature/,
  );
  t.regex(message, /the clock says 1970-01-01T00:00:00Z$/);
});

test('the timestamp that is kept tells the time as well', async (t) => {
  const { repository, device } = dated();
  repository.date('targets', SIGNED, 20);
  repository.date('timestamp', after(30), 7);
  repository.publish('targets', 'snapshot', 'timestamp');
  const error = await throwsSilt(t, () => device.refresh(clock1970), 'TRUST_EXPIRED');
  t.like(error.details, { role: 'targets', time: '2026-03-31T12:00:00Z' });
});

test('a timestamp signed when root had expired already is refused, whatever the clock, and not kept', async (t) => {
  const { repository, device } = dated();
  repository.date('timestamp', after(400), 7);
  repository.publish('timestamp');
  for (const clock of [clock1970, SIGNED]) {
    const error = await throwsSilt(t, () => device.refresh(clock), 'TRUST_EXPIRED');
    t.like(error.details, { role: 'root', time: '2027-04-05T12:00:00Z' });
    t.false(device.state.files.has('timestamp.json'));
  }
});

test('a root tells the time in the run that finds it', async (t) => {
  const { repository, device } = dated();
  repository.date('root', after(30), 365);
  repository.publish('root');
  const error = await throwsSilt(t, () => device.refresh(clock1970), 'TRUST_EXPIRED');
  t.like(error.details, { role: 'timestamp', time: '2026-03-31T12:00:00Z' });
});

for (const role of ['snapshot', 'targets']) {
  test(`${role} that are kept expire as well, however new the timestamp is`, async (t) => {
    const { repository, device } = dated();
    repository.date(role, SIGNED, 10);
    repository.publish('targets', 'snapshot', 'timestamp');
    await device.refresh(SIGNED);
    repository.date('timestamp', after(9), 7);
    repository.publish('timestamp');
    await device.refresh(after(9));
    const error = await throwsSilt(t, () => device.refresh(after(10)), 'TRUST_EXPIRED');
    t.like(error.details, { role });
  });
}

test('a clock set to 2100 refuses, hints at the clock, and leaves no trace', async (t) => {
  const { repository, device } = dated();
  await device.refresh();
  const before = device.state.image();
  const { message } = await throwsSilt(t, () => device.refresh(clock2100), 'TRUST_EXPIRED');
  t.regex(message, /^root expired at 2027-03-01T12:00:00Z; it is 2100-01-01T00:00:00Z by the clock/);
  t.regex(message, /last verified signature is of 2026-03-01T12:00:00Z: check the clock$/);
  t.deepEqual(device.state.image(), before);
  // Set right again, all is as it was.
  repository.publish('timestamp');
  t.is((await device.refresh()).timestamp.signed.version, 4);
});

test('a clock that is right, or nearly, is no matter: the publisher is late', async (t) => {
  const { device } = dated();
  const { message } = await throwsSilt(t, () => device.refresh(after(8)), 'TRUST_EXPIRED');
  t.is(
    message,
    'timestamp expired at 2026-03-08T12:00:00Z; it is 2026-03-09T12:00:00Z: wait for the publisher to sign anew',
  );
});

test('new keys of the timestamp take the time with them that the old ones claimed', async (t) => {
  const { repository, device } = dated();
  // A thief of the timestamp key claims the last day of root.
  repository.date('timestamp', after(364), 7);
  repository.publish('timestamp');
  await device.refresh();
  repository.date('timestamp', after(1), 7);
  repository.publish('timestamp');
  await throwsSilt(t, () => device.refresh(after(1)), 'TRUST_EXPIRED');
  repository.rotateKeys('timestamp');
  repository.publish('root', 'timestamp');
  t.deepEqual((await device.refresh(after(1))).time, after(1));
});

test('the time is fixed once a run', async (t) => {
  const { repository } = dated();
  const clocks = [SIGNED, clock2100, clock1970];
  let asked = 0;
  const trusted = await refresh({
    store: repository,
    state: memoryState(),
    factoryRoot: repository.rootBytes(1),
    now: () => clocks[asked++] as Date,
  });
  t.is(asked, 1);
  t.deepEqual(trusted.time, SIGNED);
});

test('a time of signing that is none is as good as none', async (t) => {
  for (const created of [
    7,
    null,
    '2099',
    '2099-01-01',
    '2099-13-01T00:00:00Z',
    { toString: 1 },
    'x'.repeat(1000),
  ]) {
    const { repository, device } = dated();
    repository.timestamp.silt = { created };
    repository.root.silt = 'no object';
    repository.publish('root', 'timestamp');
    t.deepEqual((await device.refresh(SIGNED)).time, SIGNED);
  }
});

test('a clock that is out of order counts as 1970', async (t) => {
  const { device } = dated();
  t.deepEqual((await device.refresh(new Date(Number.NaN))).time, SIGNED);
});
