import test from 'ava';
import fc from 'fast-check';
import { toHex } from '../../../src/core/digest.ts';
import { contentKeyOf, type SealedKind } from '../../../src/trust/seal/content-key.ts';
import { sampleKey } from '../../support/sealed-release.ts';
import { seededBytes } from '../../support/seeded-bytes.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

const salt = seededBytes('object salt', 32);
const seal = sampleKey.objectSeal('index', salt, 'indexes/abc');
const plain = seededBytes('plain', 300);

test('what was sealed opens again, at the same place and to the same bytes', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), fc.maxSafeNat(), (bytes, offset) => {
      const sealed = seal.seal(offset, bytes);
      t.deepEqual(new Uint8Array(seal.open(offset, sealed)), bytes);
      t.is(toHex(seal.seal(offset, bytes)), toHex(sealed), 'a pure function');
    }),
    { numRuns: 200, seed: 5 },
  );
});

test('a sealed segment opens at no other place, in no other object and under no other key', async (t) => {
  const sealed = seal.seal(100, plain);
  const kinds: readonly SealedKind[] = ['pack', 'delta'];
  const others = [
    ...kinds.map((kind) => sampleKey.objectSeal(kind, salt)),
    sampleKey.objectSeal('index', seededBytes('another salt', 32)),
    contentKeyOf(seededBytes('another key', 32)).objectSeal('index', salt),
  ];
  for (const other of others) await throwsSilt(t, async () => other.open(100, sealed), 'SEAL_BROKEN');
  for (const offset of [0, 99, 101, 100 + 2 ** 32]) {
    const error = await throwsSilt(t, async () => seal.open(offset, sealed), 'SEAL_BROKEN');
    t.like(error.details, { object: 'indexes/abc', offset, length: sealed.length });
  }
});

test('a sealed segment that was altered, cut or extended anywhere does not open', async (t) => {
  const sealed = seal.seal(0, plain);
  for (let at = 0; at < sealed.length; at += 7) {
    const altered = Uint8Array.from(sealed);
    altered[at] = (altered[at] as number) ^ (1 << (at % 8));
    await throwsSilt(t, async () => seal.open(0, altered), 'SEAL_BROKEN');
    await throwsSilt(t, async () => seal.open(0, sealed.subarray(0, at)), 'SEAL_BROKEN');
    await throwsSilt(t, async () => seal.open(0, sealed.subarray(at + 1)), 'SEAL_BROKEN');
  }
  await throwsSilt(t, async () => seal.open(0, Buffer.concat([sealed, sealed])), 'SEAL_BROKEN');
});
