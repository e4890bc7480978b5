import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { toHex } from '../../../src/core/digest.ts';
import { contentKeyOf } from '../../../src/trust/seal/content-key.ts';
import {
  masterKeys,
  masterSecretOf,
  readMasterSecret,
  writeMasterSecret,
} from '../../../src/trust/seal/master-secret.ts';
import { sampleManifest } from '../../support/format-samples.ts';
import { seededBytes } from '../../support/seeded-bytes.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

test('a master secret is written once, for its owner alone, and read back', async (t) => {
  const path = join(await temporaryDirectory(t), 'seal.json');
  const written = await writeMasterSecret(path);
  const read = await readMasterSecret(path);
  t.is(toHex(read.contentKey('gateway', 1)), toHex(written.contentKey('gateway', 1)));
  t.is((await stat(path)).mode & 0o777, 0o600);
  const before = await readFile(path, 'utf8');
  await throwsSilt(t, () => writeMasterSecret(path), 'KEY_UNUSABLE');
  t.is(await readFile(path, 'utf8'), before);
});

test('two master secrets are different', async (t) => {
  const directory = await temporaryDirectory(t);
  const [one, two] = [
    await writeMasterSecret(join(directory, '1')),
    await writeMasterSecret(join(directory, '2')),
  ];
  t.not(toHex(one.contentKey('a', 1)), toHex(two.contentKey('a', 1)));
});

test('a file that is no master secret is refused in a sentence that does not show it', async (t) => {
  const path = join(await temporaryDirectory(t), 'seal.json');
  await throwsSilt(t, () => readMasterSecret(path), 'KEY_UNUSABLE');
  const secret = 'ab'.repeat(32);
  const document = { format: 'silt-seal-secret', formatVersion: 1, secret };
  const wrong = [
    '',
    'secret',
    '{}',
    JSON.stringify({ ...document, format: 'silt-catalog' }),
    JSON.stringify({ ...document, formatVersion: 2 }),
    JSON.stringify({ ...document, secret: secret.slice(2) }),
    JSON.stringify({ ...document, secret: `${secret}00` }),
    JSON.stringify({ ...document, secret: secret.toUpperCase() }),
    JSON.stringify(document).padEnd(5000),
  ];
  for (const text of wrong) {
    await writeFile(path, text);
    const error = await throwsSilt(t, () => readMasterSecret(path), 'KEY_UNUSABLE');
    t.true(error.message.includes(path));
    t.false(error.message.toLowerCase().includes('abababab'));
  }
  await writeFile(path, JSON.stringify(document));
  await chmod(path, 0o600);
  t.is((await readMasterSecret(path)).name, path);
});

test('who has the master secret opens its releases, and who has another one does not', async (t) => {
  const master = masterSecretOf(seededBytes('master', 32), 'seal.json');
  const { id } = contentKeyOf(master.contentKey('router', 7));
  const envelope = { sha256: '0'.repeat(64), size: 300 };
  const sealing = { cipher: 'aes-256-gcm', epoch: 7, keyId: id, envelope } as const;
  const manifest = { ...sampleManifest, formatVersion: 2, sealing } as const;
  t.is((await masterKeys(master)(manifest)).id, id);
  const other = masterKeys(masterSecretOf(seededBytes('another', 32), 'other.json'));
  const error = await throwsSilt(t, () => other(manifest), 'SEAL_NOT_RECIPIENT');
  t.true(error.message.startsWith('other.json'));
  await throwsSilt(t, () => masterKeys(master)({ ...manifest, product: 'gateway' }), 'SEAL_NOT_RECIPIENT');
});
