import test from 'ava';
import fc from 'fast-check';
import {
  compareEntries,
  type EntryName,
  formatEntryName,
  MAX_NUMBER,
  parseEntryName,
} from '../../../src/device/boot/systemd-entry-name.ts';

const slots = ['A', 'B', 'rescue-1'];
const parse = (file: string) => parseEntryName(file, 'silt', slots);

test('a name that is made is read as what it was made of', (t) => {
  const number = fc.integer({ min: 0, max: MAX_NUMBER });
  const name = fc.record({
    slot: fc.constantFrom(...slots),
    number,
    left: fc.oneof(number, fc.constant(undefined)),
  });
  fc.assert(
    fc.property(name, (wanted) => {
      t.deepEqual(parse(formatEntryName(wanted, 'silt')), wanted);
    }),
  );
});

test('counters are read as systemd-boot writes them', (t) => {
  t.deepEqual(parse('silt-7-A+2-1.conf'), { slot: 'A', number: 7, left: 2 });
  t.deepEqual(parse('silt-7-A+0-3.conf'), { slot: 'A', number: 7, left: 0 });
  t.deepEqual(parse('silt-007-rescue-1.conf'), { slot: 'rescue-1', number: 7, left: undefined });
  t.deepEqual(parse('SILT-7-a+3.CONF'), { slot: 'A', number: 7, left: 3 });
});

test('other names are no entries', (t) => {
  for (const file of [
    '',
    'silt',
    'silt-7-A',
    'silt-A.conf',
    'silt--A.conf',
    'silt-7-C.conf',
    'silt-7-A+.conf',
    'silt-7-A+x.conf',
    'silt-7-A+1-.conf',
    'silt-7-A+1-2-3.conf',
    'silt-7-A+1+2.conf',
    'silt-1234567890-A.conf',
    'silt-7-A.conf.bak',
    'xsilt-7-A.conf',
    '.silt-7-A.conf',
    'silt-7-A.conf\n',
  ]) {
    t.is(parse(file), undefined, file);
  }
});

test('entries without tries go last, the others by number, whatever order they are found in', (t) => {
  const sorted: readonly EntryName[] = [
    { slot: 'B', number: 10, left: 1 },
    { slot: 'A', number: 9, left: undefined },
    { slot: 'A', number: 2, left: 3 },
    { slot: 'B', number: 10, left: 0 },
    { slot: 'A', number: 9, left: 0 },
  ];
  fc.assert(
    fc.property(fc.shuffledSubarray([...sorted], { minLength: sorted.length }), (found) => {
      t.deepEqual(found.toSorted(compareEntries), sorted);
    }),
  );
});
