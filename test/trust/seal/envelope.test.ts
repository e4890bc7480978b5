/** The content key for its recipients: who opens it, who does not, and what openssl makes of it. */
import { createPrivateKey } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { isSiltError } from '../../../src/core/errors.ts';
import {
  recipientIdOf,
  recipientIdsOf,
  unwrapContentKey,
  wrapContentKey,
} from '../../../src/trust/seal/envelope.ts';
import { openssl, opensslOutput, opensslTest } from '../../support/openssl.ts';
import { seededBytes } from '../../support/seeded-bytes.ts';
import { certify, makeKeys, type Party } from '../../support/test-pki.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

const key = seededBytes('content key', 32);
const root = await certify({ name: 'Devices', ca: true });
const rsaKeys = await makeKeys('rsa');
const recipients = {
  'P-256': await certify({ name: 'Device P-256', issuer: root }),
  'P-384': await certify({ name: 'Device P-384', issuer: root, kind: 'p384' }),
  RSA: await certify({ name: 'Device RSA', issuer: root, keys: rsaKeys }),
} as const;
const second = await certify({ name: 'Second P-256', issuer: root });
const everybody = [...Object.values(recipients), second];
const outsider = await certify({ name: 'Outsider', issuer: root });

const envelope = await wrapContentKey(key, certificatesOf(everybody));

function certificatesOf(parties: readonly Party[]): string[] {
  return parties.map(({ certificate }) => certificate);
}

async function open(der: Uint8Array, { certificate, key: privateKey }: Party): Promise<Buffer> {
  return Buffer.from(await unwrapContentKey(der, { certificate, privateKey }));
}

async function opensslOpens(
  t: ExecutionContext<unknown>,
  der: Uint8Array,
  party: Party,
): Promise<Buffer | undefined> {
  const args = ['cms', '-decrypt', '-binary', '-inform', 'DER', '-in', '@envelope'];
  const files = { envelope: der, certificate: party.certificate, key: party.key };
  return await openssl(t, [...args, '-recip', '@certificate', '-inkey', '@key'], files);
}

for (const [kind, party] of Object.entries(recipients)) {
  test(`a recipient with a key of ${kind} opens the envelope, and so do all others`, async (t) => {
    t.deepEqual(await open(envelope, party), Buffer.from(key));
    t.deepEqual(await open(await wrapContentKey(key, [party.certificate]), party), Buffer.from(key));
  });

  opensslTest(`openssl opens what silt wraps: ${kind}`, async (t) => {
    t.deepEqual(await opensslOpens(t, envelope, party), Buffer.from(key));
    t.deepEqual(
      await opensslOpens(t, await wrapContentKey(key, [party.certificate]), party),
      Buffer.from(key),
    );
  });
}

opensslTest('openssl opens it for the second of a curve, and not for an outsider', async (t) => {
  t.deepEqual(await opensslOpens(t, envelope, second), Buffer.from(key));
  t.is(await opensslOpens(t, envelope, outsider), undefined);
});

async function opensslWraps(
  t: ExecutionContext<unknown>,
  parties: readonly Party[],
  ...more: readonly string[]
): Promise<Buffer> {
  const names = parties.map((_, index) => `recipient${index}`);
  const files = Object.fromEntries(parties.map((party, index) => [`recipient${index}`, party.certificate]));
  const args = ['cms', '-encrypt', '-binary', '-in', '@key', '-outform', 'DER'];
  const recip = names.flatMap((name) => ['-recip', `@${name}`]);
  const cipher = more.some((arg) => arg.startsWith('-aes')) ? [] : ['-aes256'];
  return await opensslOutput(t, [...args, ...cipher, ...recip, ...more], { key, ...files });
}

const OAEP = ['-keyopt', 'rsa_padding_mode:oaep'];
const curves = [recipients['P-256'], recipients['P-384']];

opensslTest('silt opens what openssl wraps for two curves', async (t) => {
  for (const more of [[], ['-keyid']]) {
    const der = await opensslWraps(t, curves, ...more);
    for (const party of curves) t.deepEqual(await open(der, party), Buffer.from(key));
  }
});

opensslTest('silt opens what openssl wraps with another hash in the key agreement', async (t) => {
  const der = await opensslWraps(t, [curves[0] as Party], '-keyopt', 'ecdh_kdf_md:sha384');
  t.deepEqual(await open(der, curves[0] as Party), Buffer.from(key));
});

opensslTest('silt opens what openssl wraps with RSA-OAEP', async (t) => {
  for (const more of [OAEP, [...OAEP, '-keyopt', 'rsa_oaep_md:sha256'], [...OAEP, '-keyid']]) {
    const der = await opensslWraps(t, [recipients.RSA], ...more);
    t.deepEqual(await open(der, recipients.RSA), Buffer.from(key));
  }
});

opensslTest('silt does not open what openssl wraps with PKCS #1 v1.5, its default for RSA', async (t) => {
  const der = await opensslWraps(t, [recipients.RSA]);
  const error = await throwsSilt(t, () => open(der, recipients.RSA), 'SEAL_BROKEN');
  t.regex(error.message, /expected RSA-OAEP/);
});

opensslTest('silt does not open another cipher, or another length', async (t) => {
  const [party] = curves as [Party];
  await throwsSilt(t, async () => open(await opensslWraps(t, [party], '-aes128'), party), 'SEAL_BROKEN');
  const args = ['cms', '-encrypt', '-binary', '-aes256', '-in', '@key', '-outform', 'DER', '-recip', '@to'];
  const short = await opensslOutput(t, args, { key: key.subarray(1), to: party.certificate });
  const error = await throwsSilt(t, () => open(short, party), 'SEAL_BROKEN');
  t.regex(error.message, /expected a key of 32 bytes, found 31/);
});

test('refused: a wrong recipient', async (t) => {
  const error = await throwsSilt(t, () => open(envelope, outsider), 'SEAL_NOT_RECIPIENT');
  t.regex(error.message, /CN=Outsider is none of its recipients/);
});

test('a certificate renewed with the same key is another recipient', async (t) => {
  const { keys } = recipients['P-256'];
  const renewed = await certify({ name: 'Device P-256 renewed', issuer: root, keys });
  await throwsSilt(t, () => open(envelope, renewed), 'SEAL_NOT_RECIPIENT');
});

test('a private key of another certificate is a mistake of the caller', async (t) => {
  const { certificate } = recipients['P-256'];
  const { key: privateKey } = second;
  const own = { certificate, privateKey };
  const error = await throwsSilt(t, () => unwrapContentKey(envelope, own), 'KEY_UNUSABLE');
  t.regex(error.message, /does not belong to the certificate CN=Device P-256/);
  const none = { certificate, privateKey: 'nothing' };
  await throwsSilt(t, () => unwrapContentKey(envelope, none), 'KEY_UNUSABLE');
});

test('the private key may be a key already, so that it needs no passphrase here', async (t) => {
  const { certificate, key: pem } = recipients.RSA;
  const opened = await unwrapContentKey(envelope, { certificate, privateKey: createPrivateKey(pem) });
  t.deepEqual(Buffer.from(opened), Buffer.from(key));
});

test('recipients have ids that certificate and envelope agree on, each once', async (t) => {
  const twice = await wrapContentKey(key, certificatesOf([...everybody, second]));
  const ids = everybody.map(({ certificate }) => recipientIdOf(certificate)).sort();
  t.deepEqual(recipientIdsOf(envelope).sort(), ids);
  t.deepEqual(recipientIdsOf(twice).sort(), ids);
  t.false(ids.includes(recipientIdOf(outsider.certificate)));
  t.is(new Set(ids).size, 4);
  t.true(ids.every((id) => /^[0-9a-f]{64}$/.test(id)));
});

test('who cannot receive is told before anything is wrapped', async (t) => {
  const weak = await certify({ name: 'Weak', issuer: root, kind: 'rsa1024' });
  const odd = await certify({ name: 'P-521', issuer: root, kind: 'p521' });
  for (const certificates of [[], ['nothing'], [weak.certificate], [odd.certificate], [root.key]]) {
    await throwsSilt(t, () => wrapContentKey(key, certificates), 'KEY_UNUSABLE');
  }
});

test('a recipient on a curve costs its name and 60 bytes', async (t) => {
  const one = await wrapContentKey(key, [second.certificate]);
  const both = await wrapContentKey(key, [second.certificate, recipients['P-256'].certificate]);
  t.true(both.length - one.length < 100, `${both.length - one.length} bytes`);
});

const single = { 'P-256': recipients['P-256'], RSA: recipients.RSA };

for (const [kind, party] of Object.entries(single)) {
  test(`an envelope with any byte changed or cut off never gives the key: ${kind}`, async (t) => {
    const der = await wrapContentKey(key, [party.certificate]);
    t.deepEqual(await open(der, party), Buffer.from(key));
    const change = fc.tuple(fc.nat(der.length - 1), fc.integer({ min: 0, max: 255 }));
    await fc.assert(
      fc.asyncProperty(change, async ([place, by]) => {
        const changed = by === 0 ? der.subarray(0, place) : Buffer.from(der);
        if (by !== 0) changed[place] = (changed[place] ?? 0) ^ by;
        try {
          // CBC does not notice a changed IV: then it is another key, and its id says so.
          return !(await open(changed, party)).equals(key);
        } catch (error) {
          return isSiltError(error) && ['SEAL_BROKEN', 'SEAL_NOT_RECIPIENT'].includes(error.code);
        }
      }),
      { seed: 9, numRuns: 150 },
    );
  });
}

test('bytes that are no envelope say so', async (t) => {
  await throwsSilt(t, async () => recipientIdsOf(Buffer.from('<html>')), 'SEAL_BROKEN');
  await throwsSilt(t, () => open(new Uint8Array(), second), 'SEAL_BROKEN');
  await throwsSilt(t, () => open(new Uint8Array(5 * 1024 * 1024), second), 'SEAL_BROKEN');
});
