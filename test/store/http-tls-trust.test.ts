/** Whom an HTTPS store trusts and how it shows who it is, against real servers. */
import { execFileSync, spawn } from 'node:child_process';
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type ServerOptions } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import { openHttpStore } from '../../src/store/http.ts';
import type { HttpStoreOptions, HttpTls } from '../../src/store/http-options.ts';
import type { ReadStore } from '../../src/store/store.ts';
import { opensslTest } from '../support/openssl.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { type CertificateWish, certify, type Party } from '../support/test-pki.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const DAY_MS = 86_400_000;
const soon = { from: new Date(Date.now() - DAY_MS), to: new Date(Date.now() + DAY_MS) };

/** Certificates that hold by the clock of the machine, which is what TLS goes by. */
const now = (wish: CertificateWish): Promise<Party> => certify({ ...soon, ...wish });

const root = await now({ name: 'TLS root', ca: true });
const middle = await now({ name: 'TLS intermediate', ca: true, issuer: root, pathLength: 0 });
const hosts = ['127.0.0.1'];
const server = await now({ name: 'server', issuer: middle, hosts, purposes: ['serverAuth'] });
const stranger = await now({ name: 'stranger', ca: true });
const device = await now({ name: 'device', issuer: root, purposes: ['clientAuth'] });

const MAX = { maxBytes: 1000 };
const serving = { cert: server.certificate + middle.certificate, key: server.key };

async function serve(t: ExecutionContext<unknown>, options: ServerOptions = serving): Promise<string> {
  const listening = createServer(options, (_, response) => response.end('here'));
  listening.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  t.teardown(() => listening.close());
  return `https://127.0.0.1:${(listening.address() as AddressInfo).port}/`;
}

function open(
  t: ExecutionContext<unknown>,
  url: string,
  tls: HttpTls = { ca: root.certificate },
  options: HttpStoreOptions = {},
): ReadStore {
  const store = openHttpStore(url, { tls, ...options });
  t.teardown(() => store.close());
  return store;
}

async function works(t: ExecutionContext<unknown>, store: ReadStore): Promise<void> {
  t.is(Buffer.from((await store.get('a', MAX))?.bytes ?? []).toString(), 'here');
}

/** It is refused, in words, and asking again would not help. */
async function refused(t: ExecutionContext<unknown>, store: ReadStore, why: RegExp): Promise<void> {
  const error = await throwsSilt(t, () => store.get('a', MAX), 'STORE_REFUSED');
  t.false(error.transient);
  t.regex(error.message, why);
}

function pinOf({ der }: Party): string {
  const info = new X509Certificate(der).publicKey.export({ type: 'spki', format: 'der' });
  return `sha256//${createHash('sha256').update(info).digest('base64')}`;
}

test('a server is known by its CA', async (t) => {
  await works(t, open(t, await serve(t)));
});

test('a server of another CA is refused', async (t) => {
  await refused(t, open(t, await serve(t), { ca: stranger.certificate }), /certificate that does not hold/);
});

test('a server with another name is refused', async (t) => {
  const url = (await serve(t)).replace('127.0.0.1', 'localhost');
  await refused(t, open(t, url), /does not hold.*altnames/);
});

test('a server whose certificate has expired is refused', async (t) => {
  const to = new Date(Date.now() - DAY_MS / 2);
  const old = await now({ name: 'old server', issuer: root, hosts, to });
  const url = await serve(t, { cert: old.certificate, key: old.key });
  await refused(t, open(t, url), /expired.*check.*the clock/);
});

for (const [what, party] of Object.entries({ server, 'intermediate CA': middle, root })) {
  test(`a pinned ${what} is let through`, async (t) => {
    const pins = [pinOf(stranger), pinOf(party)];
    await works(t, open(t, await serve(t), { ca: root.certificate, pins }));
  });
}

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a server with other keys than those pinned is refused, every time, over ${maxVersion}`, async (t) => {
    const url = await serve(t, { ...serving, maxVersion });
    const store = open(t, url, { ca: root.certificate, pins: [pinOf(device), pinOf(stranger)] });
    await refused(t, store, /other keys than those pinned/);
    // Not by way of a session that was kept from before.
    await refused(t, store, /other keys than those pinned/);
  });
}

test('a pin does not stand in for the verification', async (t) => {
  const store = open(t, await serve(t), { ca: stranger.certificate, pins: [pinOf(server)] });
  await refused(t, store, /does not hold/);
});

test('a pinned CA that has not signed the server does not count, though the server sends it along', async (t) => {
  const twin = await now({ name: 'TLS intermediate', ca: true, issuer: root });
  const url = await serve(t, {
    cert: server.certificate + twin.certificate + middle.certificate,
    key: server.key,
  });
  const store = open(t, url, { ca: root.certificate, pins: [pinOf(twin)] });
  await refused(t, store, /other keys than those pinned/);
});

test('pins hold through a proxy', async (t) => {
  const url = await serve(t);
  const proxy = createHttpServer();
  proxy.on('connect', (_, socket) => {
    const onward = connect(Number(new URL(url).port), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
    for (const end of [socket, onward]) end.on('error', () => {});
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.teardown(() => proxy.close());
  const env = { https_proxy: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` };
  const ca = root.certificate;
  await works(t, open(t, url, { ca, pins: [pinOf(server)] }, { env }));
  await refused(t, open(t, url, { ca, pins: [pinOf(device)] }, { env }), /other keys than those pinned/);
});

const wanting = { ...serving, ca: root.certificate, requestCert: true };
const client = { ca: root.certificate, cert: device.certificate, key: device.key };

test('a device shows its certificate to a server that wants one', async (t) => {
  await works(t, open(t, await serve(t, wanting), client));
});

test('the key of the device may have a passphrase', async (t) => {
  const key = createPrivateKey(device.key)
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'open sesame' })
    .toString();
  const url = await serve(t, wanting);
  await works(t, open(t, url, { ...client, key, passphrase: 'open sesame' }));
  for (const passphrase of ['open barley', undefined]) {
    const tls = { ...client, key, ...(passphrase !== undefined && { passphrase }) };
    await throwsSilt(t, async () => openHttpStore(url, { tls }), 'KEY_UNUSABLE');
  }
});

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a device without a certificate is told that the server wants one, over ${maxVersion}`, async (t) => {
    const store = open(t, await serve(t, { ...wanting, maxVersion }));
    await refused(t, store, /wants a client certificate/);
  });
}

test('a certificate is not shown to the host that a redirect leads to', async (t) => {
  const shown: boolean[] = [];
  const other = createServer({ ...wanting, rejectUnauthorized: false }, (request, response) => {
    const socket = request.socket as typeof request.socket & { getPeerX509Certificate(): unknown };
    shown.push(socket.getPeerX509Certificate() !== undefined);
    response.end('here');
  });
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  const location = `https://127.0.0.1:${(other.address() as AddressInfo).port}/a`;
  const first = createServer(wanting, (_, response) => response.writeHead(302, { location }).end());
  first.listen(0, '127.0.0.1');
  await once(first, 'listening');
  t.teardown(() => [first, other].map((one) => one.close()));
  await works(t, open(t, `https://127.0.0.1:${(first.address() as AddressInfo).port}/`, client));
  t.deepEqual(shown, [false]);
});

opensslTest('a foreign certificate is refused by the server, which says so (openssl s_server)', async (t) => {
  const directory = await temporaryDirectory(t);
  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(join(directory, name), text);
    return join(directory, name);
  };
  const args = ['s_server', '-accept', '127.0.0.1:0', '-www', '-Verify', '2', '-verify_return_error'];
  const own = [
    '-cert',
    await file('cert', serving.cert),
    '-cert_chain',
    await file('chain', middle.certificate),
    '-key',
    await file('key', serving.key),
  ];
  const program = spawn('openssl', [...args, ...own, '-CAfile', await file('ca', root.certificate)]);
  t.teardown(() => program.kill());
  let port: string | undefined;
  for await (const line of createInterface(program.stdout)) {
    port = /^ACCEPT .*:(\d+)$/.exec(line)?.[1];
    if (port !== undefined) break;
  }
  const url = `https://127.0.0.1:${port}/`;
  const tls = { ca: root.certificate, cert: stranger.certificate, key: stranger.key };
  await refused(t, open(t, url, tls), /refuses this client/);
});

const unusable: Record<string, HttpTls> = {
  'a CA file without certificates': { ca: 'nothing' },
  'a damaged certificate': { ...client, cert: client.cert.replaceAll('M', 'N') },
  'a key that belongs to another certificate': { ...client, key: stranger.key },
};

for (const [what, tls] of Object.entries(unusable)) {
  test(`${what} is noticed before any connection`, async (t) => {
    await throwsSilt(t, async () => openHttpStore('https://127.0.0.1:1/', { tls }), 'KEY_UNUSABLE');
  });
}

test('a pin that is none, and a certificate without its key, are mistakes of the caller', async (t) => {
  const { cert, ca } = client;
  for (const tls of [{ pins: ['sha256//short'] }, { pins: ['sha1//AAAA'] }, { ca, cert }]) {
    await throwsSilt(t, async () => openHttpStore('https://127.0.0.1:1/', { tls }), 'USAGE');
  }
});

opensslTest('pins are those of curl and openssl', (t) => {
  const info = execFileSync('openssl', ['x509', '-noout', '-pubkey'], { input: server.certificate });
  const der = execFileSync('openssl', ['pkey', '-pubin', '-outform', 'DER'], { input: info });
  t.is(pinOf(server), `sha256//${createHash('sha256').update(der).digest('base64')}`);
});
