import test from 'ava';
import {
  checkDer,
  childrenOf,
  contentOf,
  DerError,
  readDer,
  TAG,
  writeDer,
  writeOid,
} from '../../../src/trust/x509/der.ts';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

const wrong: Record<string, string> = {
  'no bytes': '',
  'a tag alone': '30',
  'a length beyond the end': '300500',
  'an indefinite length': '30800000',
  'a length in more bytes than it needs': '04810101',
  'a length with leading zeros': '0482000100',
  'a length of five bytes': '04850000000001',
  'a tag of two bytes': '1f8101',
  'bytes behind the value': '050000',
  'a value within that ends too late': '3003040400',
  'the tag 0': '0000',
};

for (const [what, bytes] of Object.entries(wrong)) {
  test(`${what}: not DER`, (t) => {
    t.throws(() => checkDer(hex(bytes)), { instanceOf: DerError });
  });
}

test('what is written is read, whatever its length', (t) => {
  for (const length of [0, 1, 127, 128, 255, 256, 65_535, 65_536]) {
    const value = writeDer(TAG.octetString, new Uint8Array(length));
    checkDer(value);
    t.is(contentOf(readDer(value), TAG.octetString).length, length);
  }
});

test('object identifiers are written as X.690 has them', (t) => {
  t.is(Buffer.from(writeOid('1.2.840.113549.1.7.2')).toString('hex'), '06092a864886f70d010702');
  t.is(Buffer.from(writeOid('2.16.840.1.101.3.4.2.1')).toString('hex'), '0609608648016503040201');
});

test('a value of another kind than expected is refused', (t) => {
  t.throws(() => childrenOf(readDer(hex('0500')), TAG.sequence), { instanceOf: DerError });
  t.throws(() => contentOf(undefined, TAG.integer), { instanceOf: DerError });
});
