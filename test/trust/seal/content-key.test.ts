import { createHmac } from 'node:crypto';
import test from 'ava';
import { toHex } from '../../../src/core/digest.ts';
import { contentKeyOf, SEAL_OVERHEAD } from '../../../src/trust/seal/content-key.ts';
import { masterSecretOf } from '../../../src/trust/seal/master-secret.ts';
import { seededBytes } from '../../support/seeded-bytes.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

const bytes = seededBytes('content key', 32);
const secret = seededBytes('master secret', 32);
const salt = seededBytes('object salt', 32);

/** HKDF of 32 bytes, written down from RFC 5869, §2. */
function hkdf(from: Uint8Array, withSalt: Uint8Array, info: string): Buffer {
  const extracted = createHmac('sha256', withSalt).update(from).digest();
  return createHmac('sha256', extracted).update(info).update(Uint8Array.of(1)).digest();
}

test('content keys follow from the master secret as the specification says', (t) => {
  const master = masterSecretOf(secret, 'test');
  const expected = hkdf(secret, new Uint8Array(32), 'silt content key 1\0gateway\x0012');
  t.is(toHex(master.contentKey('gateway', 12)), expected.toString('hex'));
});

test('each product and each epoch has another content key', (t) => {
  const master = masterSecretOf(secret, 'test');
  const keys = ['a', 'b', 'a\x001'].flatMap((product) =>
    [1, 2, 11].map((epoch) => toHex(master.contentKey(product, epoch))),
  );
  t.is(new Set(keys).size, keys.length);
});

test('the id of a content key is told by HMAC, and is not the key', (t) => {
  const { id } = contentKeyOf(bytes);
  t.is(id, createHmac('sha256', bytes).update('silt content key id 1').digest('hex').slice(0, 32));
  t.false(toHex(bytes).includes(id));
});

test('a segment is AES-256-GCM under the key of its object, with its offset as nonce', async (t) => {
  const plain = seededBytes('segment', 1000);
  const sealed = contentKeyOf(bytes).objectSeal('pack', salt).seal(0x1_0203_0405, plain);
  t.is(sealed.length, plain.length + SEAL_OVERHEAD);
  // Opened by another implementation.
  const raw = hkdf(bytes, salt, 'silt seal 1 pack');
  const key = await crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['decrypt']);
  const iv = Uint8Array.of(5, 4, 3, 2, 1, 0, 0, 0, 0, 0, 0, 0);
  const opened = await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, key, new Uint8Array(sealed));
  t.is(toHex(new Uint8Array(opened)), toHex(plain));
});

test('the salt of an index or a delta is told by HMAC of its digest', (t) => {
  const digest = seededBytes('digest', 32);
  const expected = createHmac('sha256', bytes)
    .update('silt seal salt 1 delta\0')
    .update(digest)
    .digest('hex');
  t.is(toHex(contentKeyOf(bytes).saltOf('delta', digest)), expected);
  t.not(toHex(contentKeyOf(bytes).saltOf('index', digest)), expected);
});

test('a content key of another length is refused', async (t) => {
  for (const length of [0, 16, 31, 33]) {
    await throwsSilt(t, async () => contentKeyOf(seededBytes('key', length)), 'SEAL_BROKEN');
  }
});
