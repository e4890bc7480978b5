/** Damaged and made-up signatures: none of them verifies, and all are refused in silt's own words. */
import test from 'ava';
import fc from 'fast-check';
import { isSiltError } from '../../../src/core/errors.ts';
import { writeDer } from '../../../src/trust/x509/der.ts';
import { verifyDetached } from '../../../src/trust/x509/verify-cms.ts';
import { manifest, policy, signedBy, signer } from '../../support/signing-fleet.ts';
import { TODAY } from '../../support/test-pki.ts';

const cms = await signedBy(signer);

/** The code of the refusal. */
async function refusal(bytes: Uint8Array): Promise<string> {
  try {
    await verifyDetached(bytes, manifest, policy, TODAY);
  } catch (error) {
    if (isSiltError(error)) return error.code;
    throw error;
  }
  throw new Error('it was verified');
}

const EXPECTED = new Set(['CMS_INVALID', 'CERT_UNTRUSTED']);

test('a signature with any byte changed does not verify', async (t) => {
  t.is((await verifyDetached(cms, manifest, policy, TODAY)).subject, 'CN=Release signer');
  const change = fc.tuple(fc.nat(cms.length - 1), fc.integer({ min: 1, max: 255 }));
  await fc.assert(
    fc.asyncProperty(change, async ([place, by]) => {
      const changed = Buffer.from(cms);
      changed[place] = (changed[place] ?? 0) ^ by;
      return EXPECTED.has(await refusal(changed));
    }),
    { seed: 5, numRuns: 200 },
  );
});

test('a signature that ends anywhere, or goes on, does not verify', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.nat(cms.length - 1), async (end) => {
      return (await refusal(cms.subarray(0, end))) === 'CMS_INVALID';
    }),
    { seed: 6, numRuns: 100 },
  );
  t.is(await refusal(Buffer.concat([cms, cms])), 'CMS_INVALID');
});

test('a signature with a run of bytes cut out, doubled or blanked does not verify', async (t) => {
  const edit = fc.record({
    at: fc.nat(cms.length - 1),
    length: fc.integer({ min: 1, max: 64 }),
    how: fc.nat(2),
  });
  await fc.assert(
    fc.asyncProperty(edit, async ({ at, length, how }) => {
      const [before, run, after] = [
        cms.subarray(0, at),
        cms.subarray(at, at + length),
        cms.subarray(at + length),
      ];
      const middle = [Buffer.alloc(0), Buffer.concat([run, run]), Buffer.alloc(run.length)][how] as Buffer;
      const changed = Buffer.concat([before, middle, after]);
      return changed.equals(cms) || EXPECTED.has(await refusal(changed));
    }),
    { seed: 7, numRuns: 150 },
  );
  t.pass();
});

test('any bytes are refused', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
      return (await refusal(bytes)) === 'CMS_INVALID';
    }),
    { seed: 8, numRuns: 200 },
  );
  t.pass();
});

test('values nested ten thousand deep are refused before anybody follows them', async (t) => {
  let deep: Uint8Array = new Uint8Array();
  for (let depth = 0; depth < 10_000; depth += 1) deep = writeDer(0x30, deep);
  t.is(await refusal(deep), 'CMS_INVALID');
});
