/** Whom a POST over HTTPS trusts and how it shows who it is: as the HTTP store does, see `http-tls-trust.test.ts`. */
import { createHash, X509Certificate } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import type { HttpTls } from '../../src/store/http-options.ts';
import { type HttpPost, openHttpPost } from '../../src/store/http-post.ts';
import { serveEvents } from '../support/events-server.ts';
import { type CertificateWish, certify, type Party } from '../support/test-pki.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const body = Buffer.from('{"events":[]}');

function open(t: ExecutionContext<unknown>, url: string, tls: HttpTls): HttpPost {
  const post = openHttpPost(url, { tls });
  t.teardown(() => post.close());
  return post;
}

const DAY_MS = 86_400_000;
const soon = { from: new Date(Date.now() - DAY_MS), to: new Date(Date.now() + DAY_MS) };
const make = (wish: CertificateWish): Promise<Party> => certify({ ...soon, ...wish });
const root = await make({ name: 'root', ca: true });
const server = await make({ name: 'server', issuer: root, hosts: ['127.0.0.1'], purposes: ['serverAuth'] });
const device = await make({ name: 'device', issuer: root, purposes: ['clientAuth'] });
const serving = { cert: server.certificate, key: server.key, ca: root.certificate, requestCert: true };
const client = { ca: root.certificate, cert: device.certificate, key: device.key };
const pinOf = ({ certificate }: Party): string => {
  const info = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
  return `sha256//${createHash('sha256').update(info).digest('base64')}`;
};

test('over TLS the device shows its certificate to the server with the pinned key', async (t) => {
  const { url, received } = await serveEvents(t, () => 200, serving);
  const post = open(t, url, { ...client, pins: [pinOf(server)] });
  t.is((await post.send('events', body, {})).status, 200);
  t.is(received.length, 1);
});

test('nothing is sent to a server that is not trusted, has another key, or does not know the device', async (t) => {
  const { url, received } = await serveEvents(t, () => 200, serving);
  const { ca } = client;
  for (const tls of [{}, { ...client, pins: [pinOf(device)] }, { ca }]) {
    await throwsSilt(t, () => open(t, url, tls).send('events', body, {}), 'STORE_REFUSED');
  }
  t.deepEqual(received, []);
});
