import test from 'ava';
import fc from 'fast-check';
import { isSiltError } from '../../src/core/errors.ts';
import { decodeLeaseList, encodeLeaseList } from '../../src/format/lease-list.ts';
import { decodePruneRecord, encodePruneRecord } from '../../src/format/prune-record.ts';
import { elapsedBetween, type Moment } from '../../src/format/prune-times.ts';

const bytesOf = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const key = `packs/${'ab'.repeat(32)}`;

test('the record is written as docs/format/pruning.md says', (t) => {
  const since = { own: 1_780_000_000_000, store: 1_780_000_000_500 };
  const record = new Map<string, Moment>([
    ['packs/b', { own: 1_790_000_000_000 }],
    ['packs/c', since],
    ['packs/a', since],
  ]);
  const bytes = encodePruneRecord(record);
  t.is(
    Buffer.from(bytes).toString(),
    '{"format":"silt-prune-record","formatVersion":1,"runs":[' +
      '{"objects":["packs/a","packs/c"],"since":{"own":1780000000000,"store":1780000000500}},' +
      '{"objects":["packs/b"],"since":{"own":1790000000000}}]}',
  );
  t.deepEqual(new Map([...decodePruneRecord(bytes)].sort()), new Map([...record].sort()));
  t.is(decodePruneRecord(encodePruneRecord(new Map())).size, 0);
});

test('the leases are written as docs/format/pruning.md says', (t) => {
  const list = {
    leases: [
      { id: '0'.repeat(32), holder: 'publish os 1', renewals: 0 },
      {
        id: '1'.repeat(32),
        holder: 'publish os 2',
        renewals: 3,
        seen: { renewals: 3, at: { own: 5, store: 6 } },
      },
    ],
    sweep: { id: '2'.repeat(32), turn: 1 },
  };
  const bytes = encodeLeaseList(list);
  t.is(
    Buffer.from(bytes).toString(),
    '{"format":"silt-leases","formatVersion":1,"leases":[' +
      `{"holder":"publish os 1","id":"${'0'.repeat(32)}","renewals":0},` +
      `{"holder":"publish os 2","id":"${'1'.repeat(32)}","renewals":3,"seen":{"at":{"own":5,"store":6},"renewals":3}}],` +
      `"sweep":{"id":"${'2'.repeat(32)}","turn":1}}`,
  );
  t.like(decodeLeaseList(bytes), list);
});

const record = (runs: unknown) => ({ format: 'silt-prune-record', formatVersion: 1, runs });
const leases = (members: object) => ({ format: 'silt-leases', formatVersion: 1, leases: [], ...members });
const lease = { id: '0'.repeat(32), holder: '', renewals: 0 };

const wrong: Readonly<Record<string, [typeof decodePruneRecord | typeof decodeLeaseList, unknown]>> = {
  'a record of something else': [decodePruneRecord, leases({})],
  'runs that are none': [decodePruneRecord, record({})],
  'a time before 1970': [decodePruneRecord, record([{ since: { own: -1 }, objects: [key] }])],
  'a time that is no integer': [decodePruneRecord, record([{ since: { own: 1.5 }, objects: [key] }])],
  'a store that has no time': [decodePruneRecord, record([{ since: { own: 1, store: null }, objects: [] }])],
  'a key that is too long': [decodePruneRecord, record([{ since: { own: 1 }, objects: ['k'.repeat(1025)] }])],
  'a lease without a number': [decodeLeaseList, leases({ leases: [{ ...lease, renewals: 'many' }] })],
  'a lease with an id that is none': [decodeLeaseList, leases({ leases: [{ ...lease, id: '../' }] })],
  'a holder of many words': [decodeLeaseList, leases({ leases: [{ ...lease, holder: 'h'.repeat(513) }] })],
  'too many leases': [decodeLeaseList, leases({ leases: Array.from({ length: 1025 }, () => lease) })],
  'a turn that is none': [decodeLeaseList, leases({ sweep: { id: lease.id } })],
  'a list that is too long': [decodeLeaseList, leases({ padding: 'x'.repeat(1024 * 1024) })],
};

for (const [what, [decode, value]] of Object.entries(wrong)) {
  test(`${what} is refused`, (t) => {
    t.throws(() => decode(bytesOf(value)), { code: 'FORMAT_INVALID' });
  });
}

test('a later version is refused as such', (t) => {
  const later = { formatVersion: 2 };
  t.throws(() => decodePruneRecord(bytesOf({ ...record([]), ...later })), { code: 'FORMAT_UNSUPPORTED' });
  t.throws(() => decodeLeaseList(bytesOf(leases(later))), { code: 'FORMAT_UNSUPPORTED' });
});

test('any bytes are read or refused', (t) => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 200 }),
        fc.json().map((text) => Buffer.from(text)),
      ),
      (bytes) => {
        for (const decode of [decodePruneRecord, decodeLeaseList]) {
          try {
            decode(bytes);
          } catch (error) {
            t.true(isSiltError(error), String(error));
          }
        }
      },
    ),
    { seed: 16, numRuns: 500 },
  );
});

test('time has passed only where both clocks say so', (t) => {
  const since = { own: 100, store: 100 };
  t.is(elapsedBetween(since, { own: 150, store: 130 }), 30);
  t.is(elapsedBetween(since, { own: 110, store: 900 }), 10);
  t.is(elapsedBetween(since, { own: 900, store: 50 }), 0);
  t.is(elapsedBetween(since, { own: 170 }), 70);
  t.is(elapsedBetween({ own: 100 }, { own: 90, store: 900 }), 0);
});
