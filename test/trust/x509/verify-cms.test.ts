/** Whose CMS signatures are taken: each refusal by its own code, and openssl's opinion of the same bytes. */
import * as asn1js from 'asn1js';
import test, { type ExecutionContext } from 'ava';
import type { ErrorCode } from '../../../src/core/errors.ts';
import { type CertificatePolicy, verifyDetached } from '../../../src/trust/x509/verify-cms.ts';
import { openssl, opensslTest } from '../../support/openssl.ts';
import {
  manifest,
  middle,
  policy,
  root,
  signedBy,
  signer,
  signerAs,
  stranger,
} from '../../support/signing-fleet.ts';
import { certify, days, extension, makeKeys, revocationList, TODAY } from '../../support/test-pki.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

interface Case {
  readonly cms: Uint8Array;
  readonly content?: Uint8Array;
  readonly policy?: CertificatePolicy;
  readonly time?: Date;
}

const refusals: Record<
  string,
  {
    readonly make: () => Promise<Case>;
    readonly code: ErrorCode;
    readonly says: RegExp;
    /** What `openssl cms -verify` makes of it; left out where it has nothing to say. */
    readonly openssl?: 'refuses' | 'accepts';
  }
> = {
  'an altered manifest': {
    make: async () => ({ cms: await signedBy(signer), content: Buffer.from('{"format":"evil"}') }),
    code: 'CMS_INVALID',
    says: /is not this manifest/,
    openssl: 'refuses',
  },
  'a certificate of a foreign CA': {
    make: async () => ({ cms: await signedBy(await signerAs({ name: 'Foreigner', issuer: stranger })) }),
    code: 'CERT_UNTRUSTED',
    says: /leads to one of the anchors \(CN=Fleet root\)/,
    openssl: 'refuses',
  },
  'a foreign CA with the name of ours': {
    make: async () => {
      const twin = await certify({ name: middle.name, ca: true });
      return { cms: await signedBy(await signerAs({ name: 'Impostor', issuer: twin })) };
    },
    code: 'CERT_UNTRUSTED',
    says: /expected a certificate that leads/,
    openssl: 'refuses',
  },
  'a certificate that has expired': {
    make: async () => ({ cms: await signedBy(await signerAs({ name: 'Old', to: days(-1) })) }),
    code: 'CERT_EXPIRED',
    says: /CN=Old expired at 2026-06-14/,
    openssl: 'refuses',
  },
  'a certificate that is not yet valid': {
    make: async () => ({ cms: await signedBy(await signerAs({ name: 'Early', from: days(1) })) }),
    code: 'CERT_NOT_YET_VALID',
    says: /check the clock/,
    openssl: 'refuses',
  },
  'a clock of 1970': {
    make: async () => ({ cms: await signedBy(signer), time: new Date(0) }),
    code: 'CERT_NOT_YET_VALID',
    says: /it is 1970-01-01T00:00:00.000Z; check the clock/,
    openssl: 'refuses',
  },
  'a clock of 2100': {
    make: async () => ({ cms: await signedBy(signer), time: new Date('2100-01-01') }),
    code: 'CERT_EXPIRED',
    says: /check the clock/,
    openssl: 'refuses',
  },
  'an anchor that has expired': {
    make: async () => {
      const old = await certify({ name: 'Old root', ca: true, to: days(-1) });
      const cms = await signedBy(await signerAs({ name: 'Below', issuer: old }));
      return { cms, policy: { anchors: old.certificate, purpose: 'codeSigning' } };
    },
    code: 'CERT_EXPIRED',
    says: /CN=Old root/,
    openssl: 'refuses',
  },
  'a key that is not for signatures (key usage)': {
    make: async () => ({
      cms: await signedBy(await signerAs({ name: 'Cipher', usage: ['keyAgreement'] })),
      policy: { ...policy, purpose: 'emailProtection' },
    }),
    code: 'CERT_PURPOSE',
    says: /not for digital signatures/,
    openssl: 'refuses',
  },
  'a certificate for another purpose (extended key usage)': {
    make: async () => ({
      cms: await signedBy(await signerAs({ name: 'Web', purposes: ['serverAuth'] })),
      policy: { ...policy, purpose: 'emailProtection' },
    }),
    code: 'CERT_PURPOSE',
    says: /is not for emailProtection/,
    openssl: 'refuses',
  },
  'a certificate for no purpose in particular': {
    make: async () => ({ cms: await signedBy(await certify({ name: 'Plain', issuer: middle })) }),
    code: 'CERT_PURPOSE',
    says: /is not for codeSigning/,
  },
  'a certificate for every purpose': {
    make: async () => ({ cms: await signedBy(await signerAs({ name: 'Any', purposes: ['any'] })) }),
    code: 'CERT_PURPOSE',
    says: /is not for codeSigning/,
  },
  'a CA that may not issue for the purpose': {
    make: async () => {
      const web = await certify({ name: 'Web CA', ca: true, issuer: root, purposes: ['serverAuth'] });
      const cms = await signedBy(await signerAs({ name: 'Below web', issuer: web }));
      return { cms, policy: { ...policy, intermediates: web.certificate, purpose: 'emailProtection' } };
    },
    code: 'CERT_PURPOSE',
    says: /may not issue certificates for emailProtection/,
    openssl: 'refuses',
  },
  'a signer who plays CA (basic constraints)': {
    make: async () => {
      const usage = ['digitalSignature', 'keyCertSign'] as const;
      const leaf = await certify({ name: 'Leaf', issuer: root, usage });
      const cms = await signedBy(await signerAs({ name: 'Below leaf', issuer: leaf }));
      return { cms, policy: { ...policy, intermediates: leaf.certificate } };
    },
    code: 'CERT_PURPOSE',
    says: /not that of a CA/,
    openssl: 'refuses',
  },
  'a CA whose key may not sign certificates': {
    make: async () => {
      const lame = await certify({ name: 'Lame CA', ca: true, issuer: root, usage: ['cRLSign'] });
      const cms = await signedBy(await signerAs({ name: 'Below lame', issuer: lame }));
      return { cms, policy: { ...policy, intermediates: lame.certificate } };
    },
    code: 'CERT_PURPOSE',
    says: /may not sign certificates/,
    openssl: 'refuses',
  },
  'a path longer than a CA allows': {
    make: async () => {
      const third = await certify({ name: 'Third', ca: true, issuer: middle });
      const cms = await signedBy(await signerAs({ name: 'Deep', issuer: third }));
      return { cms, policy: { ...policy, intermediates: middle.certificate + third.certificate } };
    },
    code: 'CERT_PURPOSE',
    says: /allows 0 CAs below it, found 1/,
    openssl: 'refuses',
  },
  'a critical extension that nobody knows': {
    make: async () => {
      const odd = extension('1.2.3.4', new asn1js.Null(), true);
      return { cms: await signedBy(await signerAs({ name: 'Odd', extensions: [odd] })) };
    },
    code: 'CERT_UNTRUSTED',
    says: /critical extension 1\.2\.3\.4/,
    openssl: 'refuses',
  },
  'an extension that comes twice': {
    make: async () => {
      const twice = extension('2.5.29.37', new asn1js.Sequence());
      return { cms: await signedBy(await signerAs({ name: 'Twice', extensions: [twice] })) };
    },
    code: 'CERT_UNTRUSTED',
    says: /2\.5\.29\.37 twice/,
  },
  'an intermediate smuggled in with the signature': {
    make: async () => ({
      cms: await signedBy(signer, manifest, [middle]),
      policy: { anchors: root.certificate, purpose: 'codeSigning' },
    }),
    code: 'CERT_UNTRUSTED',
    says: /intermediates inside of a signature do not count/,
    // Here silt is stricter: what an attacker sends along must not widen the trust of a device.
    openssl: 'accepts',
  },
  'a signer who is not in the signature nor configured': {
    make: async () => {
      const cms = await signedBy(signer);
      const { der } = signer;
      const at = Buffer.from(cms).indexOf(der.subarray(-40));
      const other = Buffer.from(cms);
      // The serial number in the certificate, which is then that of somebody else.
      const serial = Buffer.from(der.subarray(15, 23));
      const place = other.indexOf(serial);
      if (at < 0 || place < 0) throw new Error('expected the certificate in the signature');
      other[place + 7] = (other[place + 7] ?? 0) ^ 1;
      return { cms: other };
    },
    code: 'CERT_UNTRUSTED',
    says: /expected the certificate of the signer/,
    openssl: 'refuses',
  },
  'a certificate signed with SHA-1': {
    make: async () => ({ cms: await signedBy(await signerAs({ name: 'Weak', hash: 'SHA-1' })) }),
    code: 'CERT_UNTRUSTED',
    says: /expected a certificate that leads/,
  },
  'nothing at all': {
    make: async () => ({ cms: new Uint8Array() }),
    code: 'CMS_INVALID',
    says: /expected CMS SignedData in DER/,
    openssl: 'refuses',
  },
  'bytes behind the signature': {
    make: async () => ({ cms: Buffer.concat([await signedBy(signer), Buffer.from([0])]) }),
    code: 'CMS_INVALID',
    says: /expected CMS SignedData in DER/,
  },
  'a truncated signature': {
    make: async () => ({ cms: (await signedBy(signer)).subarray(0, -1) }),
    code: 'CMS_INVALID',
    says: /expected CMS SignedData in DER/,
    openssl: 'refuses',
  },
  'an endless signature': {
    make: async () => ({ cms: new Uint8Array(65 * 1024) }),
    code: 'CMS_INVALID',
    says: /at most 65536 bytes/,
  },
  'a revoked certificate': {
    make: async () => ({
      cms: await signedBy(signer),
      policy: await listed([
        revocationList({ issuer: root }),
        revocationList({ issuer: middle, revoked: [signer] }),
      ]),
    }),
    code: 'CERT_REVOKED',
    says: /CN=Release signer was revoked by CN=Fleet releases/,
    openssl: 'refuses',
  },
  'a revoked intermediate': {
    make: async () => ({
      cms: await signedBy(signer),
      policy: await listed([
        revocationList({ issuer: root, revoked: [middle] }),
        revocationList({ issuer: middle }),
      ]),
    }),
    code: 'CERT_REVOKED',
    says: /CN=Fleet releases was revoked/,
    openssl: 'refuses',
  },
  'a certificate revoked by a list that is out of date': {
    make: async () => ({
      cms: await signedBy(signer),
      policy: await listed([
        revocationList({ issuer: root }),
        revocationList({ issuer: middle, revoked: [signer], to: days(-0.5) }),
      ]),
    }),
    code: 'CERT_REVOKED',
    says: /was revoked/,
    openssl: 'refuses',
  },
  'a stale revocation list': {
    make: async () => ({
      cms: await signedBy(signer),
      policy: await listed([
        revocationList({ issuer: root }),
        revocationList({ issuer: middle, to: days(-0.5) }),
      ]),
    }),
    code: 'CRL_INVALID',
    says: /download a new one/,
    openssl: 'refuses',
  },
  'a revocation list from the future': {
    make: async () => ({
      cms: await signedBy(signer),
      policy: await listed([
        revocationList({ issuer: root }),
        revocationList({ issuer: middle, from: days(1) }),
      ]),
    }),
    code: 'CRL_INVALID',
    says: /not at 2026-06-15/,
    openssl: 'refuses',
  },
  'a missing revocation list of one of the CAs': {
    make: async () => ({
      cms: await signedBy(signer),
      policy: await listed([revocationList({ issuer: middle })]),
    }),
    code: 'CRL_INVALID',
    says: /that CN=Fleet root has signed, found none/,
    openssl: 'refuses',
  },
  'a revocation list that somebody else has signed': {
    make: async () => ({
      cms: await signedBy(signer),
      policy: await listed([
        revocationList({ issuer: root }),
        revocationList({ issuer: middle, keys: await makeKeys('p256') }),
      ]),
    }),
    code: 'CRL_INVALID',
    says: /that CN=Fleet releases has signed, found none/,
    openssl: 'refuses',
  },
  'a revocation list of a part': {
    make: async () => {
      const part = extension('2.5.29.28', new asn1js.Sequence(), true);
      const list = revocationList({ issuer: middle, extensions: [part] });
      return { cms: await signedBy(signer), policy: await listed([list]) };
    },
    code: 'CRL_INVALID',
    says: /2\.5\.29\.28; use a complete list/,
  },
  'a revocation list that is none': {
    make: async () => ({
      cms: await signedBy(signer),
      policy: { ...policy, crls: [Buffer.from('<html>')] },
    }),
    code: 'CRL_INVALID',
    says: /it is damaged/,
  },
  'anchors that are none': {
    make: async () => ({ cms: await signedBy(signer), policy: { ...policy, anchors: 'none' } }),
    code: 'KEY_UNUSABLE',
    says: /expected a certificate in the anchors/,
  },
  'a private key among the anchors': {
    make: async () => ({
      cms: await signedBy(signer),
      policy: { ...policy, anchors: root.certificate + root.key },
    }),
    code: 'KEY_UNUSABLE',
    says: /found a block "PRIVATE KEY"/,
  },
  'too many certificates': {
    make: async () => ({
      cms: await signedBy(signer),
      policy: { ...policy, intermediates: middle.certificate.repeat(17) },
    }),
    code: 'KEY_UNUSABLE',
    says: /at most 16 certificates in the intermediates, found 17/,
  },
};

async function listed(lists: readonly Promise<Uint8Array>[]): Promise<CertificatePolicy> {
  return { ...policy, crls: await Promise.all(lists) };
}

for (const [what, { make, code, says }] of Object.entries(refusals)) {
  test(`refused: ${what}`, async (t) => {
    const { cms, content = manifest, policy: own = policy, time = TODAY } = await make();
    const error = await throwsSilt(t, () => verifyDetached(cms, content, own, time), code);
    t.regex(error.message, says);
    t.false(error.transient);
  });
}

for (const [what, { make, openssl: expected }] of Object.entries(refusals)) {
  if (expected === undefined) continue;
  opensslTest(`openssl ${expected}: ${what}`, async (t) => {
    t.is(await opensslSays(t, await make()), expected);
  });
}

opensslTest('openssl accepts what is in order', async (t) => {
  t.is(await opensslSays(t, { cms: await signedBy(signer) }), 'accepts');
  const lists = [revocationList({ issuer: root }), revocationList({ issuer: middle })];
  t.is(await opensslSays(t, { cms: await signedBy(signer), policy: await listed(lists) }), 'accepts');
});

async function opensslSays(
  t: ExecutionContext<unknown>,
  { cms, content = manifest, policy: own = policy, time = TODAY }: Case,
): Promise<'accepts' | 'refuses'> {
  const purpose = own.purpose === 'emailProtection' ? 'smimesign' : 'any';
  const crls = (own.crls ?? []).map((crl) => pemOf(crl)).join('');
  const args = ['cms', '-verify', '-binary', '-inform', 'DER', '-in', '@cms', '-content', '@content'];
  const trust = ['-CAfile', '@anchors', '-no-CApath', '-no-CAstore', '-purpose', purpose];
  const revocation = crls === '' ? [] : ['-crl_check_all'];
  const at = ['-attime', String(Math.floor(time.getTime() / 1000))];
  const output = await openssl(t, [...args, ...trust, ...revocation, ...at], {
    cms,
    content,
    // A CA in there that is no root helps to build a path, and ends none.
    anchors: own.anchors + (own.intermediates ?? '') + crls,
  });
  return output === undefined ? 'refuses' : 'accepts';
}

function pemOf(crl: Uint8Array): string {
  const lines =
    Buffer.from(crl)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN X509 CRL-----\n${lines.join('\n')}\n-----END X509 CRL-----\n`;
}

test('a signer below a configured intermediate is taken, and named', async (t) => {
  const { subject } = await verifyDetached(await signedBy(signer), manifest, policy, TODAY);
  t.is(subject, 'CN=Release signer');
});

test('a certificate holds to the second at both of its ends', async (t) => {
  const cms = await signedBy(await signerAs({ name: 'Short', from: days(-1), to: days(1) }));
  for (const time of [days(-1), days(1)]) await verifyDetached(cms, manifest, policy, time);
  const late = new Date(days(1).getTime() + 1000);
  await throwsSilt(t, () => verifyDetached(cms, manifest, policy, late), 'CERT_EXPIRED');
});

test('an intermediate or a signer may itself be the anchor', async (t) => {
  const cms = await signedBy(signer);
  for (const anchors of [middle.certificate, signer.certificate]) {
    await verifyDetached(cms, manifest, { anchors, purpose: 'codeSigning' }, TODAY);
  }
  t.pass();
});

test('a signer who is an anchor is held to its purpose and its time as well', async (t) => {
  const alone = await certify({ name: 'Alone', purposes: ['emailProtection'] });
  const cms = await signedBy(alone);
  const own = { anchors: alone.certificate, purpose: 'codeSigning' } as const;
  await throwsSilt(t, () => verifyDetached(cms, manifest, own, TODAY), 'CERT_PURPOSE');
  await throwsSilt(
    t,
    () => verifyDetached(cms, manifest, { ...own, purpose: 'any' }, days(200)),
    'CERT_EXPIRED',
  );
  await verifyDetached(cms, manifest, { ...own, purpose: 'emailProtection' }, TODAY);
});

test('purpose any leaves out the extended key usage, and nothing else', async (t) => {
  const any = { ...policy, purpose: 'any' } as const;
  const web = await signedBy(await signerAs({ name: 'Web', purposes: ['serverAuth'] }));
  await verifyDetached(web, manifest, any, TODAY);
  const cipher = await signedBy(await signerAs({ name: 'Cipher', usage: ['keyEncipherment'] }));
  await throwsSilt(t, () => verifyDetached(cipher, manifest, any, TODAY), 'CERT_PURPOSE');
});

test('a certificate without key usage is not restricted in it', async (t) => {
  const cms = await signedBy(await signerAs({ name: 'Free', usage: [] }));
  t.is((await verifyDetached(cms, manifest, policy, TODAY)).subject, 'CN=Free');
});

test('with revocation lists of every CA, in DER or PEM, the signer is taken', async (t) => {
  const lists = [await revocationList({ issuer: root }), await revocationList({ issuer: middle })];
  const cms = await signedBy(signer);
  await verifyDetached(cms, manifest, { ...policy, crls: lists }, TODAY);
  const crls = lists.map((list) => Buffer.from(pemOf(list)));
  await verifyDetached(cms, manifest, { ...policy, crls }, TODAY);
  // A newer one beside a stale one is enough.
  const stale = await revocationList({ issuer: middle, from: days(-9), to: days(-5) });
  await verifyDetached(cms, manifest, { ...policy, crls: [stale, ...lists] }, TODAY);
  t.pass();
});

test('of two ways to an anchor, one that holds is enough', async (t) => {
  const old = await certify({ name: root.name, ca: true, keys: root.keys, to: days(-1) });
  const anchors = old.certificate + root.certificate;
  await verifyDetached(await signedBy(signer), manifest, { ...policy, anchors }, TODAY);
  const onlyOld = { ...policy, anchors: old.certificate };
  await throwsSilt(
    t,
    async () => verifyDetached(await signedBy(signer), manifest, onlyOld, TODAY),
    'CERT_EXPIRED',
  );
});

test('CAs that have certified each other lead nowhere, soon', async (t) => {
  const keys = await Promise.all([makeKeys('p256'), makeKeys('p256')]);
  const [a, b] = [
    await certify({ name: 'A', ca: true, keys: keys[0] }),
    await certify({ name: 'B', ca: true, keys: keys[1] }),
  ];
  const crossed = [
    await certify({ name: 'A', ca: true, keys: keys[0], issuer: b }),
    await certify({ name: 'B', ca: true, keys: keys[1], issuer: a }),
  ];
  const cms = await signedBy(await signerAs({ name: 'Lost', issuer: a }));
  const intermediates = crossed.map(({ certificate }) => certificate).join('');
  const own = { ...policy, intermediates };
  await throwsSilt(t, () => verifyDetached(cms, manifest, own, TODAY), 'CERT_UNTRUSTED');
});

test('a date that is none holds for nothing', async (t) => {
  const cms = await signedBy(signer);
  await t.throwsAsync(verifyDetached(cms, manifest, policy, new Date(Number.NaN)));
});
