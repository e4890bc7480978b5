import test from 'ava';
import { sha256Hex } from '../../../src/core/digest.ts';
import type { MetadataReader } from '../../../src/trust/releases.ts';
import { readEnvelope } from '../../../src/trust/seal/recipient-keys.ts';
import { seededBytes } from '../../support/seeded-bytes.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

const bytes = seededBytes('an envelope', 500);
const altered = seededBytes('something else', 500);
const sealing = { envelope: { size: bytes.length, sha256: sha256Hex(bytes) } };

/** A repository behind a cache, which holds `cached`. */
function behindCache(cached: Uint8Array, stored: Uint8Array | undefined) {
  const asked: boolean[] = [];
  const store: MetadataReader = {
    location: 'https://example.com/',
    async get(_, { fresh = false }) {
      asked.push(fresh);
      const found = fresh ? stored : cached;
      return found && { bytes: found };
    },
  };
  return { store, asked };
}

test('an envelope that a cache has altered is asked for once more, past the cache', async (t) => {
  for (const cached of [altered, bytes.subarray(1)]) {
    const { store, asked } = behindCache(cached, bytes);
    t.deepEqual(await readEnvelope(store, sealing), bytes);
    t.deepEqual(asked, [false, true]);
  }
});

test('one that is right is asked for once', async (t) => {
  const { store, asked } = behindCache(bytes, undefined);
  t.deepEqual(await readEnvelope(store, sealing), bytes);
  t.deepEqual(asked, [false]);
});

test('one that is wrong in both places is refused, and one that is gone is missing', async (t) => {
  await throwsSilt(t, () => readEnvelope(behindCache(altered, altered).store, sealing), 'DIGEST_MISMATCH');
  await throwsSilt(t, () => readEnvelope(behindCache(altered, undefined).store, sealing), 'OBJECT_MISSING');
});
