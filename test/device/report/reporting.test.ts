import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { openReporting } from '../../../src/device/report/reporting.ts';
import { serveEvents } from '../../support/events-server.ts';
import { checkSample } from '../../support/sample-config.ts';
import { sampleEvent } from '../../support/sample-event.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { type CertificateWish, certify, type Party } from '../../support/test-pki.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

const DAY_MS = 86_400_000;
const soon = { from: new Date(Date.now() - DAY_MS), to: new Date(Date.now() + DAY_MS) };
const make = (wish: CertificateWish): Promise<Party> => certify({ ...soon, ...wish });
const root = await make({ name: 'root', ca: true });
const server = await make({ name: 'server', issuer: root, hosts: ['127.0.0.1'], purposes: ['serverAuth'] });
const client = await make({ name: 'device', issuer: root, purposes: ['clientAuth'] });

const device = { id: 'gw-1' };

/** As it stands in a configuration. */
const feedbackOf = (yaml: string) => checkSample({ feedback: `feedback: ${yaml}` }).config?.feedback;

test('a device delivers over TLS with its certificate and its token, as configured', async (t) => {
  const directory = await temporaryDirectory(t);
  const tokenFile = join(directory, 'token');
  await writeFile(tokenFile, 'abc\n');
  const serving = { cert: server.certificate, key: server.key, ca: root.certificate, requestCert: true };
  const { url, received, taken } = await serveEvents(t, () => 200, serving);
  const reporting = openReporting({
    directory: join(directory, 'outbox'),
    feedback: feedbackOf(`{ url: "${url}", tokenFile: ${tokenFile} }`),
    device,
    tls: { ca: root.certificate, cert: client.certificate, key: client.key },
  });
  t.teardown(() => reporting.close());
  await reporting.outbox.add(sampleEvent(1));
  t.is((await reporting.waiting())?.events, 1);
  t.like(await reporting.deliver(), { delivered: 1, waiting: 0 });
  t.deepEqual(taken, ['e1']);
  t.is(received[0]?.headers.authorization, 'Bearer abc');
});

test('progress is thinned out as configured', async (t) => {
  const directory = await temporaryDirectory(t);
  let now = new Date('2026-11-22T12:00:00Z');
  const feedback = feedbackOf('{ url: "http://127.0.0.1:1/", progress: 5min }');
  const reporting = openReporting({ directory, feedback, device, now: () => now });
  t.teardown(() => reporting.close());
  for (const n of [1, 2, 3, 4, 5, 6, 7]) {
    await reporting.outbox.add(sampleEvent(n, 'progress'));
    now = new Date(now.getTime() + 60_000);
  }
  t.is((await reporting.waiting())?.events, 2);
});

test('without feedback nothing is kept and nothing is sent', async (t) => {
  const directory = await temporaryDirectory(t);
  const reporting = openReporting({ directory: join(directory, 'outbox'), feedback: undefined, device });
  await reporting.outbox.add(sampleEvent(1));
  t.like(await reporting.deliver(), { delivered: 0, waiting: 0, notBefore: undefined });
  t.is(await reporting.waiting(), undefined);
  await reporting.close();
  t.deepEqual(await readdir(directory), []);
});

test('settings of TLS that cannot be used are told at once, and are nothing to http://', async (t) => {
  const directory = await temporaryDirectory(t);
  await mkdir(join(directory, 'outbox'));
  const tls = { ca: 'nothing' };
  const open = (url: string) =>
    openReporting({ directory, feedback: feedbackOf(`{ url: "${url}" }`), device, tls });
  await throwsSilt(t, async () => open('https://c.example/'), 'KEY_UNUSABLE');
  await open('http://c.example/').close();
});
