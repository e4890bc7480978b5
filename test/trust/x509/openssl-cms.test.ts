/** CMS signatures in both directions: what silt signs, openssl verifies; what openssl signs, silt verifies. */
import { constants, createPrivateKey, sign } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { type CmsSigner, cmsSignerFromPem, cmsSignerOf } from '../../../src/trust/x509/cms-signer.ts';
import { signDetached } from '../../../src/trust/x509/sign-cms.ts';
import { verifyDetached } from '../../../src/trust/x509/verify-cms.ts';
import { openssl, opensslOutput, opensslTest } from '../../support/openssl.ts';
import { manifest, middle, policy, root, signerAs, stranger } from '../../support/signing-fleet.ts';
import { makeKeys, type Party, TODAY } from '../../support/test-pki.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

const rsaKeys = await makeKeys('rsa');
const parties = {
  'ECDSA P-256': await signerAs({ name: 'Signer P-256' }),
  'ECDSA P-384': await signerAs({ name: 'Signer P-384', kind: 'p384' }),
  RSA: await signerAs({ name: 'Signer RSA', keys: rsaKeys }),
} as const;
const rsa = parties.RSA;

/** A key as it stands in an HSM: silt sees signatures only. */
const remote: CmsSigner = cmsSignerOf({
  publicKey: { keyId: '', scheme: 'rsassa-pss-sha256', pem: '' },
  sign: async (bytes) => {
    const padding = constants.RSA_PKCS1_PSS_PADDING;
    return sign('sha256', bytes, { key: createPrivateKey(rsa.key), padding, saltLength: 32 });
  },
});

const VERIFY = [
  ...['cms', '-verify', '-binary', '-inform', 'DER', '-in', '@cms', '-content', '@content'],
  ...['-CAfile', '@anchors', '-no-CApath', '-no-CAstore', '-purpose', 'smimesign'],
  ...['-attime', String(TODAY.getTime() / 1000)],
];

async function opensslVerifies(
  t: ExecutionContext<unknown>,
  cms: Uint8Array,
  content: Uint8Array = manifest,
): Promise<boolean> {
  const anchors = root.certificate + middle.certificate;
  const output = await openssl(t, VERIFY, { cms, content, anchors });
  return output?.equals(content) ?? false;
}

const signers: Record<string, { party: Party; signer: CmsSigner }> = {
  'ECDSA P-256': { party: parties['ECDSA P-256'], signer: cmsSignerFromPem(parties['ECDSA P-256'].key) },
  'ECDSA P-384': { party: parties['ECDSA P-384'], signer: cmsSignerFromPem(parties['ECDSA P-384'].key) },
  RSA: { party: rsa, signer: cmsSignerFromPem(rsa.key) },
  'RSA-PSS of an external signer': { party: rsa, signer: remote },
};

for (const [what, { party, signer }] of Object.entries(signers)) {
  const certificates = party.certificate + middle.certificate;

  opensslTest(`openssl verifies what silt signs: ${what}`, async (t) => {
    const cms = await signDetached(manifest, { certificates, signer });
    t.true(await opensslVerifies(t, cms));
    t.false(await opensslVerifies(t, cms, Buffer.from('another manifest')));
  });

  test(`silt verifies what silt signs: ${what}`, async (t) => {
    const cms = await signDetached(manifest, { certificates, signer });
    t.is((await verifyDetached(cms, manifest, policy, TODAY)).subject, `CN=${party.name}`);
    await throwsSilt(t, () => verifyDetached(cms, Buffer.from('{}'), policy, TODAY), 'CMS_INVALID');
  });
}

async function opensslSigns(
  t: ExecutionContext<unknown>,
  party: Party,
  ...more: readonly string[]
): Promise<Buffer> {
  const args = ['cms', '-sign', '-binary', '-in', '@content', '-outform', 'DER'];
  const who = ['-signer', '@certificate', '-inkey', '@key'];
  return await opensslOutput(t, [...args, ...who, ...more], {
    content: manifest,
    certificate: party.certificate,
    key: party.key,
    chain: middle.certificate + root.certificate,
    other: stranger.certificate,
    otherKey: stranger.key,
  });
}

const PSS = ['-keyopt', 'rsa_padding_mode:pss'];
const ways: readonly (readonly [string, readonly string[]])[] = [
  ['as it does by default', []],
  ['without signed attributes', ['-noattr']],
  ['with the chain embedded', ['-certfile', '@chain']],
  ['named by key identifier', ['-keyid']],
  ['over SHA-512', ['-md', 'sha512']],
  ['together with a stranger', ['-signer', '@other', '-inkey', '@otherKey']],
];

for (const [what, party] of Object.entries(parties)) {
  for (const [how, args] of ways) {
    opensslTest(`silt verifies what openssl signs: ${what}, ${how}`, async (t) => {
      const cms = await opensslSigns(t, party, ...args);
      t.is((await verifyDetached(cms, manifest, policy, TODAY)).subject, `CN=${party.name}`);
      await throwsSilt(t, () => verifyDetached(cms, Buffer.from('{}'), policy, TODAY), 'CMS_INVALID');
    });
  }
}

for (const salt of ['32', 'digest', 'max']) {
  opensslTest(`silt verifies what openssl signs: RSA-PSS with a salt of ${salt}`, async (t) => {
    const cms = await opensslSigns(t, rsa, ...PSS, '-keyopt', `rsa_pss_saltlen:${salt}`);
    t.is((await verifyDetached(cms, manifest, policy, TODAY)).subject, 'CN=Signer RSA');
  });
}

const refused: readonly (readonly [string, readonly string[], RegExp])[] = [
  ['over SHA-1', ['-md', 'sha1'], /found another digest/],
  [
    'with RSA-PSS over SHA-256 masked by SHA-1',
    [...PSS, '-keyopt', 'rsa_mgf1_md:sha1'],
    /found another signature/,
  ],
  ['with the manifest inside', ['-nodetach'], /expected a detached signature/],
  ['in the form for streams, which is not DER', ['-stream', '-nodetach'], /in DER/],
];

for (const [how, args, says] of refused) {
  opensslTest(`silt refuses what openssl signs ${how}`, async (t) => {
    const cms = await opensslSigns(t, rsa, ...args);
    const error = await throwsSilt(t, () => verifyDetached(cms, manifest, policy, TODAY), 'CMS_INVALID');
    t.regex(error.message, says);
  });
}

opensslTest(
  'a signature without the certificate of its signer needs that in the configuration',
  async (t) => {
    const cms = await opensslSigns(t, rsa, '-nocerts');
    await throwsSilt(t, () => verifyDetached(cms, manifest, policy, TODAY), 'CERT_UNTRUSTED');
    const intermediates = middle.certificate + rsa.certificate;
    t.is((await verifyDetached(cms, manifest, { ...policy, intermediates }, TODAY)).subject, 'CN=Signer RSA');
  },
);

opensslTest('signed attributes are not taken for content that was signed without any', async (t) => {
  const cms = await opensslSigns(t, rsa);
  // The attributes, as they were signed: with the tag of a SET.
  const text = Buffer.from(cms).toString('latin1');
  const contentType = Buffer.from('06092a864886f70d010903', 'hex').toString('latin1');
  const start = text.indexOf(contentType) - 2;
  const tag = text.lastIndexOf('\xa0', start);
  const length = cms[tag + 1] === 0x81 ? (cms[tag + 2] ?? 0) + 3 : (cms[tag + 1] ?? 0) + 2;
  const attributes = Buffer.from(cms.subarray(tag, tag + length));
  attributes[0] = 0x31;
  const rest = cms.subarray(tag + length);
  const forged = withLengths(Buffer.concat([cms.subarray(0, tag), rest]), -length);
  const error = await throwsSilt(t, () => verifyDetached(forged, attributes, policy, TODAY), 'CMS_INVALID');
  t.regex(error.message, /attributes of another signature/);
  t.true(await opensslVerifies(t, forged, attributes), 'openssl falls for it');
});

/** Shortens the six lengths around the last signer of a CMS, all of two bytes, by as much as was cut out. */
function withLengths(cms: Buffer, change: number): Buffer {
  const shorten = (at: number): void => {
    cms.writeUInt16BE(cms.readUInt16BE(at + 2) + change, at + 2);
  };
  // ContentInfo, [0], SignedData; then the SET of signers and the one in it, found from behind.
  for (const at of [0, 15, 19]) shorten(at);
  const version = cms.lastIndexOf(Buffer.from('020101', 'hex'));
  for (const at of [version - 4, version - 8]) shorten(at);
  return cms;
}

test('a key that does not belong to the certificate is noticed when it signs', async (t) => {
  const wrong = cmsSignerFromPem(parties['ECDSA P-256'].key);
  const other = await signerAs({ name: 'Other' });
  const certificates = other.certificate;
  const error = await throwsSilt(
    t,
    () => signDetached(manifest, { certificates, signer: wrong }),
    'SIGNER_FAILED',
  );
  t.regex(error.message, /does not fit the certificate CN=Other/);
});

test('keys that CMS cannot use are refused', async (t) => {
  const keys = await makeKeys('p521');
  const { key } = await signerAs({ name: 'P-521', keys });
  const ed25519 = { scheme: 'ed25519', sign: async () => new Uint8Array(64) } as const;
  const { certificate: certificates } = rsa;
  await throwsSilt(t, async () => cmsSignerFromPem(key), 'KEY_UNUSABLE');
  await throwsSilt(t, async () => cmsSignerFromPem('nothing'), 'KEY_UNUSABLE');
  await throwsSilt(t, () => signDetached(manifest, { certificates, signer: ed25519 }), 'KEY_UNUSABLE');
});

test('an encrypted key signs with its passphrase only', async (t) => {
  const party = parties['ECDSA P-256'];
  const key = createPrivateKey(party.key)
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'sesame' })
    .toString();
  const signer = cmsSignerFromPem(key, { passphrase: Buffer.from('sesame') });
  const cms = await signDetached(manifest, { certificates: party.certificate, signer });
  t.is((await verifyDetached(cms, manifest, policy, TODAY)).subject, `CN=${party.name}`);
  for (const options of [{}, { passphrase: 'wrong' }]) {
    await throwsSilt(t, async () => cmsSignerFromPem(key, options), 'KEY_UNUSABLE');
  }
});
