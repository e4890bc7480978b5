/**
 * The x86 branch filter.
 */
import test from 'ava';
import fc from 'fast-check';
import { decodeX86, encodeX86 } from '../../src/format/x86-filter.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { x86Code } from '../support/x86-code.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

/** Held to the bytes themselves: what is decoded is what was encoded. */
function survives(bytes: Uint8Array): boolean {
  return hex(decodeX86(encodeX86(bytes.slice()))) === hex(bytes);
}

test('decoding undoes encoding, for any bytes', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => survives(bytes)),
    { seed: 1, numRuns: 1000 },
  );
  t.true(survives(seededBytes('x86', 300_000)));
});

test('decoding undoes encoding where branches crowd and overlap, at every short length', (t) => {
  for (let length = 0; length <= 64; length++) {
    for (let seed = 0; seed < 60; seed++) t.true(survives(x86Code(length, seed)), `${length}, ${seed}`);
  }
  for (let seed = 0; seed < 20; seed++) t.true(survives(x86Code(5000 + seed, seed)));
});

test('both directions are onto: encoding undoes decoding too', (t) => {
  for (let seed = 0; seed < 100; seed++) {
    const bytes = x86Code(500, seed);
    t.is(hex(encodeX86(decodeX86(bytes.slice()))), hex(bytes));
  }
});

test('a displacement becomes its target, low 24 bits first and big-endian, sign last', (t) => {
  // At 0 a CALL whose displacement field begins at 1: target = 0x000010 + 1 + 4.
  t.is(hex(encodeX86(unhex('e810000000'))), 'e800001500');
  t.is(hex(encodeX86(unhex('e9fbffffff'))), 'e900000000', 'a jump to itself has target 0');
  t.is(hex(encodeX86(unhex('90900f8410000000'))), '90900f8400001800');
  // Calls from two places to one function look the same.
  t.is(hex(encodeX86(unhex('e8100000009090e809000000'))), 'e8000015009090e800001500');
});

test('the sum stays within 25 bits, so that its sign byte is one that the decoder changes as well', (t) => {
  t.is(hex(encodeX86(unhex('e8ffffff00'))), 'e8000004ff');
  t.is(hex(encodeX86(unhex('e8000000ff'))), 'e8000005ff');
});

test('what is no near branch is left alone, and claims its four bytes all the same', (t) => {
  for (const text of [
    'e810000001',
    'e8100000fe',
    'e8e8e8e8e8',
    '0f7010000000',
    '0f9010000000',
    'e8000000',
    '0f80000000',
  ]) {
    t.is(hex(encodeX86(unhex(text))), text);
  }
  // The second e8 lies in the field of the first, so the filter does not look at it.
  t.is(hex(encodeX86(unhex('e8e810000100000000'))), 'e8e810000100000000');
});
