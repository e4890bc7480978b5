/**
 * Keys in files: made, encrypted, found again; and what is refused.
 */
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { generateKey, type KeyKind, MAX_KEY_FILE } from '../../../src/trust/keys/file-signer.ts';
import { loadSigners } from '../../../src/trust/keys/load-signers.ts';
import { isSignature, keyIdOf, tufKey } from '../../../src/trust/keys/public-key.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

const DATA = Buffer.from('what is to be signed');
const PASSPHRASE = Buffer.from('correct horse battery staple');

async function stored(path: string, kind: KeyKind, passphrase?: Buffer) {
  const key = await generateKey(path, kind, passphrase);
  await key.store();
  return key.signer;
}

const pem = (t: ExecutionContext<unknown>, name: string) =>
  temporaryDirectory(t).then((directory) => join(directory, name));

for (const [kind, scheme, keytype] of [
  ['ed25519', 'ed25519', 'ed25519'],
  ['ecdsa', 'ecdsa-sha2-nistp256', 'ecdsa'],
  ['rsa', 'rsassa-pss-sha256', 'rsa'],
] as const) {
  test(`a key of kind ${kind} is stored for its owner alone, and signs when it is loaded`, async (t) => {
    const path = await pem(t, 'key.pem');
    const made = await stored(path, kind);
    t.is((await stat(path)).mode & 0o777, 0o600);
    t.regex(await readFile(path, 'utf8'), /^-----BEGIN PRIVATE KEY-----/);
    const [loaded] = await loadSigners([path]);
    t.deepEqual(loaded?.publicKey, made.publicKey);
    const { publicKey } = made;
    t.is(publicKey.scheme, scheme);
    t.is(tufKey(publicKey).keytype, keytype);
    t.is(keyIdOf(tufKey(publicKey)), publicKey.keyId);
    const signature = (await loaded?.sign(DATA)) ?? Buffer.alloc(0);
    t.true(isSignature(publicKey, DATA, signature));
    t.false(isSignature(publicKey, Buffer.from('something else'), signature));
    t.false(isSignature(publicKey, DATA, signature.subarray(1)));
  });
}

test('the key id of a known key is what other implementations make of it', (t) => {
  const publicKey = 'MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=';
  const spki = `-----BEGIN PUBLIC KEY-----\n${publicKey}\n-----END PUBLIC KEY-----\n`;
  const key = tufKey({ scheme: 'ed25519', pem: spki });
  t.is(key.keyval.public, 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
  t.is(keyIdOf(key), KNOWN_KEY_ID);
});

test('a key is encrypted with its passphrase, which is asked for once', async (t) => {
  const directory = await temporaryDirectory(t);
  for (const name of ['a.pem', 'b.pem']) await stored(join(directory, name), 'ed25519', PASSPHRASE);
  t.regex(await readFile(join(directory, 'a.pem'), 'utf8'), /^-----BEGIN ENCRYPTED PRIVATE KEY-----/);
  let asked = 0;
  const passphrase = async () => {
    asked += 1;
    return PASSPHRASE;
  };
  t.is((await loadSigners([directory], { passphrase })).length, 2);
  t.is(asked, 1);
  const wrong = () => loadSigners([directory], { passphrase: async () => Buffer.from('wrong') });
  t.regex((await throwsSilt(t, wrong, 'KEY_UNUSABLE')).message, /a\.pem.*passphrase is wrong/);
  t.regex((await throwsSilt(t, () => loadSigners([directory]), 'KEY_UNUSABLE')).message, /--passphrase-file/);
});

test('a key never takes the place of another file', async (t) => {
  const path = await pem(t, 'key.pem');
  await stored(path, 'ed25519');
  const before = await readFile(path, 'utf8');
  await throwsSilt(t, () => stored(path, 'ed25519'), 'KEY_UNUSABLE');
  t.is(await readFile(path, 'utf8'), before);
});

test('a directory is searched for keys; what else lies there is passed over', async (t) => {
  const directory = await temporaryDirectory(t);
  const { publicKey } = await stored(join(directory, 'one.pem'), 'ed25519');
  const spki = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' });
  await writeFile(join(directory, 'other.pub.pem'), spki);
  await writeFile(
    join(directory, 'certificate.pem'),
    '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
  );
  await writeFile(join(directory, 'root.json'), '{}');
  await writeFile(join(directory, 'notes.txt'), 'nothing');
  await symlink(join(directory, 'one.pem'), join(directory, 'link.pem'));
  const signers = await loadSigners([directory, join(directory, 'one.pem')]);
  t.deepEqual(
    signers.map((signer) => signer.publicKey.keyId),
    [publicKey.keyId],
  );
});

test('what cannot be used as a key is refused, and named', async (t) => {
  const directory = await temporaryDirectory(t);
  const key = (name: string, ...pair: Parameters<typeof privatePem>) => [name, privatePem(...pair)] as const;
  const files = [
    key('p384.pem', 'ec', { namedCurve: 'P-384' }),
    key('x25519.pem', 'x25519'),
    key('short.pem', 'rsa', { modulusLength: 1024 }),
    ['torn.pem', privatePem('ed25519').slice(0, 60)],
    ['garbage.pem', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'],
    ['old.pem', '-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n'],
    ['empty.pem', ''],
    ['large.pem', 'x'.repeat(MAX_KEY_FILE + 1)],
  ] as const;
  for (const [name, text] of files) await writeFile(join(directory, name), text);
  await mkdir(join(directory, 'empty'));
  for (const name of [...files.map(([file]) => file), 'missing.pem']) {
    const error = await throwsSilt(t, () => loadSigners([join(directory, name)]), 'KEY_UNUSABLE');
    t.true(error.message.includes(name), error.message);
  }
  t.deepEqual(await loadSigners([join(directory, 'empty')]), []);
});

function privatePem(type: string, options: object = {}): string {
  const generate = generateKeyPairSync as unknown as (
    type: string,
    options: object,
  ) => { privateKey: { export(options: object): string } };
  return generate(type, options).privateKey.export({ type: 'pkcs8', format: 'pem' });
}

/** SHA-256 of the canonical JSON of the first key of RFC 8032, §7.1, made with other tools. */
const KNOWN_KEY_ID = '74c181c7ad8a0855d4b55e44d2ba87aabdddb196832571f15f92fece332e4916';
