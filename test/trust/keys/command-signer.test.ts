/**
 * External signers: what is done with a command that signs, and with one that does something else.
 */
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { loadCommandSigner } from '../../../src/trust/keys/command-signer.ts';
import { loadSigners } from '../../../src/trust/keys/load-signers.ts';
import { isSignature } from '../../../src/trust/keys/public-key.ts';
import type { SignatureScheme, Signer } from '../../../src/trust/keys/signer.ts';
import { changeRepository } from '../../../src/trust/ledger/change-repository.ts';
import { draftRoleKeys } from '../../../src/trust/ledger/draft-keys.ts';
import { memoryState } from '../../../src/trust/tuf/metadata-state.ts';
import { openTufReleases } from '../../../src/trust/tuf/tuf-releases.ts';
import { opensslTest } from '../../support/openssl.ts';
import { newRelease, signedRepository } from '../../support/signed-repository.ts';
import { softHsm, softHsmTest } from '../../support/soft-hsm.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

const DATA = Buffer.from('what is to be signed');
const pair = generateKeyPairSync('ed25519');

interface SignerFile {
  readonly publicKey: string;
  readonly scheme: SignatureScheme;
  readonly command: readonly string[];
}

async function signerFile(
  t: ExecutionContext<unknown>,
  members: Partial<SignerFile> | object,
): Promise<string> {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'release.signer.json');
  const document = {
    format: 'silt-signer',
    formatVersion: 1,
    publicKey: pair.publicKey.export({ type: 'spki', format: 'pem' }),
    scheme: 'ed25519',
    command: ['false'],
    ...members,
  };
  await writeFile(path, JSON.stringify(document));
  return path;
}

/** A signer whose command is this program; it has the bytes in `input` and the key in `key`. */
async function scripted(t: ExecutionContext<unknown>, script: string, limitMs?: number): Promise<Signer> {
  const key = pair.privateKey.export({ type: 'pkcs8', format: 'pem' });
  const source = `
    const { sign, createPrivateKey } = require('node:crypto');
    const { readFileSync } = require('node:fs');
    const key = createPrivateKey(${JSON.stringify(key)});
    ${script}`;
  const path = await signerFile(t, { command: [process.execPath, '-e', source] });
  return await loadCommandSigner(path, limitMs === undefined ? {} : { limitMs });
}

test('a command gets the bytes on stdin and gives the signature on stdout', async (t) => {
  const signer = await scripted(t, 'process.stdout.write(sign(null, readFileSync(0), key));');
  const signature = await signer.sign(DATA);
  t.true(isSignature(signer.publicKey, DATA, signature));
  t.regex(signer.name, /release\.signer\.json$/);
});

test('no shell reads the command', async (t) => {
  const script = `if (process.argv[1] !== '$(exit 1); \\'') process.exit(1);
    process.stdout.write(sign(null, readFileSync(0), key));`;
  const key = pair.privateKey.export({ type: 'pkcs8', format: 'pem' });
  const source = `const { sign, createPrivateKey } = require('node:crypto');
    const { readFileSync } = require('node:fs'); const key = createPrivateKey(${JSON.stringify(key)}); ${script}`;
  const path = await signerFile(t, { command: [process.execPath, '-e', source, "$(exit 1); '"] });
  await t.notThrowsAsync(async () => (await loadCommandSigner(path)).sign(DATA));
});

for (const [what, script, message] of [
  [
    'fails',
    'console.error("the token is locked\\nsecond"); process.exit(3);',
    /status 3: the token is locked$/,
  ],
  ['is killed', 'process.kill(process.pid, "SIGKILL"); setInterval(() => {}, 1000);', /killed by SIGKILL/],
  [
    'signs something else',
    'process.stdout.write(sign(null, Buffer.from("else"), key));',
    /64 bytes are no ed25519/,
  ],
  ['writes nothing', '', /0 bytes are no ed25519/],
  [
    'never stops writing',
    'for (;;) require("fs").writeSync(1, Buffer.alloc(4096));',
    /took longer|more than 16384/,
  ],
  ['writes too much', 'require("fs").writeSync(1, Buffer.alloc(20000));', /wrote more than 16384 bytes/],
] as const) {
  test(`a command that ${what} is refused`, async (t) => {
    const signer = await scripted(t, script, what === 'never stops writing' ? 300 : undefined);
    t.regex((await throwsSilt(t, () => signer.sign(DATA), 'SIGNER_FAILED')).message, message);
  });
}

test('a command that takes too long is killed', async (t) => {
  const signer = await scripted(t, 'setInterval(() => {}, 1000);', 300);
  t.regex((await throwsSilt(t, () => signer.sign(DATA), 'SIGNER_FAILED')).message, /took longer than 0\.3 s/);
});

test('a command that is not there is refused', async (t) => {
  const signer = await loadCommandSigner(await signerFile(t, { command: ['no-such-program-anywhere'] }));
  t.regex((await throwsSilt(t, () => signer.sign(DATA), 'SIGNER_FAILED')).message, /did not start/);
});

test('a file that describes no signer is refused, and named', async (t) => {
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({
    type: 'spki',
    format: 'pem',
  });
  for (const members of [
    { format: 'something-else' },
    { formatVersion: 9 },
    { command: [] },
    { command: 'openssl' },
    { publicKey: 'no key' },
    { publicKey: ec, scheme: 'ecdsa-sha2-nistp256' },
    { scheme: 'ecdsa-sha2-nistp256' },
    { scheme: 'rot13' },
  ]) {
    const path = await signerFile(t, members);
    const error = await throwsSilt(t, () => loadCommandSigner(path), 'KEY_UNUSABLE');
    t.true(error.message.includes(path), error.message);
  }
});

opensslTest('a release is signed by openssl with a key that silt never sees', async (t) => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const path = await signerFile(t, {
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }),
    scheme: 'ecdsa-sha2-nistp256',
    command: ['openssl', 'dgst', '-sha256', '-sign', 'key.pem'],
  });
  await writeFile(join(path, '..', 'key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
  await releaseWith(t, path);
});

opensslTest('openssl signs with RSA-PSS too', async (t) => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pss = ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:32'];
  const path = await signerFile(t, {
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }),
    scheme: 'rsassa-pss-sha256',
    command: ['openssl', 'dgst', '-sha256', ...pss, '-sign', 'key.pem'],
  });
  await writeFile(join(path, '..', 'key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const signer = await loadCommandSigner(path);
  t.true(isSignature(signer.publicKey, DATA, await signer.sign(DATA)));
});

softHsmTest('a release is signed by a key in an HSM, over PKCS#11', async (t) => {
  const { publicKey, command } = await softHsm(t);
  t.is(createPublicKey(publicKey).asymmetricKeyDetails?.namedCurve, 'prime256v1');
  await releaseWith(t, await signerFile(t, { publicKey, scheme: 'ecdsa-sha2-nistp256', command }));
});

/** Lets the signer in `path` sign a product, and a device read what it released. */
async function releaseWith(t: ExecutionContext<unknown>, path: string): Promise<void> {
  const repository = await signedRepository(t);
  const [signer] = await loadSigners([path]);
  const { store, root, now } = repository;
  if (signer === undefined) return t.fail();
  const { publicKey } = signer;
  const own = { keyIds: [publicKey.keyId], threshold: 1 };
  await changeRepository(repository.access([...repository.allSigners(), signer]), (live) =>
    draftRoleKeys(live, 'product-app', [publicKey], () => own),
  );
  repository.signers.set('product-app', [signer]);
  await repository.ledger().add(newRelease('1.0'));
  const releases = openTufReleases({ store, factoryRoot: root, state: memoryState(), now });
  t.is((await releases.find('app', { latest: true })).version, '1.0');
}
