import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { KiB } from '../../src/core/sizes.ts';
import type { FetchReport } from '../../src/fetcher/fetch-report.ts';
import { createJsonCli, type JsonCli } from '../support/json-cli.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { type CertificateWish, certify } from '../support/test-pki.ts';

const image = seededBytes('certificate journey', 200 * KiB);

const DAY_MS = 86_400_000;
/** The command line goes by the clock of the system. */
const valid = { from: new Date(Date.now() - DAY_MS), to: new Date(Date.now() + DAY_MS) };
const party = (wish: Omit<CertificateWish, 'from' | 'to'>) => certify({ ...valid, ...wish });

const authority = await party({ name: 'authority', ca: true });
const stranger = await party({ name: 'stranger', ca: true });
const signer = await party({ name: 'signer', issuer: authority, purposes: ['codeSigning'] });
const recipient = await party({ name: 'recipient', usage: ['keyAgreement'] });
const other = await party({ name: 'other', usage: ['keyAgreement'] });
const server = await party({
  name: 'server',
  issuer: authority,
  purposes: ['serverAuth'],
  hosts: ['127.0.0.1', 'localhost'],
});
const device = await party({ name: 'device', issuer: authority, purposes: ['clientAuth'] });

const PLACE = ['--repo', 'repo', '--product', 'gateway'];
const PUBLISH = ['publish', 'a.img', ...PLACE, '--workers', '1', '--compression', '1'];
const CMS = ['--cms-cert', 'signer.pem', '--cms-key', 'signer.key'];
const X509 = ['--trust', 'x509', '--anchors', 'authority.pem'];

/** A command line beside the image, the certificates and their keys. */
async function openOffice(t: ExecutionContext<unknown>): Promise<JsonCli> {
  const cli = await createJsonCli(t);
  await writeFile(join(cli.directory, 'a.img'), image);
  for (const { name, certificate, key } of [authority, stranger, signer, recipient, other, server, device]) {
    await writeFile(join(cli.directory, `${name}.pem`), certificate);
    await writeFile(join(cli.directory, `${name}.key`), key);
  }
  return cli;
}

test('a certificate alone signs releases, and a device that trusts its authority takes them', async (t) => {
  const { directory, json, fails } = await openOffice(t);
  t.like(await json<object>(0, ...PUBLISH, ...CMS, '--version', '1'), { trust: 'x509' });
  const fetch = ['fetch', ...PLACE, '--output', 'out.img'];
  const foreign = await fails(12, ...fetch, '--trust', 'x509', '--anchors', 'stranger.pem');
  t.is(foreign.code, 'CERT_UNTRUSTED');
  t.is((await fails(12, ...fetch, ...X509, '--purpose', 'emailProtection')).code, 'CERT_PURPOSE');
  t.false((await readdir(directory)).includes('out.img'));
  t.like(await json<object>(0, ...fetch, ...X509), { trust: 'x509', version: '1' });
  t.deepEqual(await readFile(join(directory, 'out.img')), Buffer.from(image));
  t.like(await json<object>(0, 'verify', 'out.img', ...PLACE, ...X509), { badWindows: [], trust: 'x509' });
  t.like(await json<object>(0, 'verify', '--repo', 'repo', ...X509), { damaged: [], trust: 'x509' });
  t.like(await json<object>(0, 'inspect', ...PLACE, ...X509), { version: '1', trust: 'x509' });
  // Somebody adds a release that nobody signed.
  await json(0, ...PUBLISH, '--insecure', '--version', '2');
  t.is((await fails(12, ...fetch, ...X509)).code, 'CMS_MISSING');
});

test('--trust both wants the keys of the repository and the certificate', async (t) => {
  const { json, fails } = await openOffice(t);
  await json(0, 'keys', 'init', 'keys', '--repo', 'repo', '--product', 'gateway');
  const keys = ['--keys', 'keys'];
  t.like(await json<object>(0, ...PUBLISH, ...keys, ...CMS, '--version', '1'), { trust: 'both' });
  t.like(await json<object>(0, ...PUBLISH, ...keys, '--version', '2'), { trust: 'tuf' });
  const fetch = ['fetch', ...PLACE, '--root', 'keys/root.json', '--output', 'out.img'];
  const both = ['--trust', 'both', '--anchors', 'authority.pem'];
  t.like(await json<object>(0, ...fetch, ...both, '--version', '1'), { trust: 'both' });
  t.is((await fails(12, ...fetch, ...both)).code, 'CMS_MISSING');
  t.like(await json<object>(0, ...fetch), { trust: 'tuf', version: '2' });
  // The same release for a fleet that trusts certificates alone, out of signed metadata.
  const x509 = ['fetch', ...PLACE, ...X509, '--output', 'out.img', '--version', '1'];
  t.like(await json<object>(0, ...x509), { trust: 'x509' });
});

test('a sealed release is for its recipients, and for who has the secret', async (t) => {
  const { directory, json, fails } = await openOffice(t);
  await json(0, 'keys', 'seal', 'seal.json');
  const sealing = ['--seal', 'seal.json', '--recipient', 'recipient.pem', '--insecure'];
  await json(0, ...PUBLISH, ...sealing, '--version', '1');
  const fetch = ['fetch', ...PLACE, '--insecure', '--output', 'out.img'];
  t.is((await fails(12, ...fetch)).code, 'SEAL_KEY_REQUIRED');
  const wrong = ['--recipient-cert', 'other.pem', '--recipient-key', 'other.key'];
  t.is((await fails(12, ...fetch, ...wrong)).code, 'SEAL_NOT_RECIPIENT');
  t.false((await readdir(directory)).includes('out.img'));
  const keys = ['--recipient-cert', 'recipient.pem', '--recipient-key', 'recipient.key'];
  const { metadataBytes } = await json<FetchReport>(0, ...fetch, ...keys);
  t.true(metadataBytes > 0);
  t.deepEqual(await readFile(join(directory, 'out.img')), Buffer.from(image));
  const seal = ['--insecure', '--seal', 'seal.json'];
  t.like(await json<object>(0, 'verify', 'out.img', ...PLACE, ...seal), { badWindows: [] });
  t.like(await json<object>(0, 'verify', '--repo', 'repo', ...seal), { damaged: [] });
  t.like(await json<object>(0, 'inspect', ...PLACE, ...seal), { sealing: { epoch: 1 } });
  for (const [folder, kind] of Object.entries({ indexes: 'sealed index', packs: 'sealed pack' })) {
    const [name = ''] = await readdir(join(directory, 'repo', folder));
    t.is((await json<{ kind: string }>(0, 'inspect', join('repo', folder, name))).kind, kind);
  }
});

test('over HTTPS the server shows its certificate, and the device its own', async (t) => {
  const { directory, json, fails } = await openOffice(t);
  await json(0, ...PUBLISH, '--insecure', '--version', '1');
  const https = createServer(
    { cert: server.certificate, key: server.key, ca: authority.certificate, requestCert: true },
    async (request, response) => {
      const path = decodeURIComponent(new URL(request.url ?? '', 'https://a').pathname);
      const bytes = await readFile(join(directory, 'repo', path)).catch(() => undefined);
      response.writeHead(bytes === undefined ? 404 : 200).end(bytes);
    },
  );
  await new Promise<void>((resolve) => void https.listen(0, '127.0.0.1', resolve));
  t.teardown(() => https.close());
  const repo = `https://127.0.0.1:${(https.address() as AddressInfo).port}/`;
  const inspect = ['inspect', '--repo', repo, '--insecure'];
  const trusting = [...inspect, '--tls-ca', 'authority.pem'];
  const mutual = ['--tls-cert', 'device.pem', '--tls-key', 'device.key'];
  t.like(await json<object>(0, ...trusting, ...mutual), { products: [{ product: 'gateway' }] });
  t.is((await fails(1, ...inspect, ...mutual)).code, 'STORE_REFUSED');
  t.is((await fails(1, ...inspect, '--tls-ca', 'stranger.pem', ...mutual)).code, 'STORE_REFUSED');
  t.is((await fails(1, ...trusting)).code, 'STORE_REFUSED');
  const pin = `sha256//${Buffer.alloc(32).toString('base64')}`;
  t.is((await fails(1, ...trusting, ...mutual, '--tls-pin', pin)).code, 'STORE_REFUSED');
});
