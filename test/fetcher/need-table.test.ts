import test from 'ava';
import fc from 'fast-check';
import { FROM_TARGET, NeedTable, NOWHERE } from '../../src/fetcher/need-table.ts';

/** Few hints and lengths, and hints with the same low bits, so that all of them meet. */
const hint = fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 3 })).map(
  // The highest is the largest that there is.
  ([low, high]) => (low === 9 ? 2 ** 48 - 1 - high : low + high * 2 ** 32),
);
const length = fc.integer({ min: 1, max: 3 });
const offset = fc.integer({ min: 0, max: 2 ** 52 });
const command = fc.oneof(
  fc.record({ do: fc.constant('need' as const), hint, length }),
  fc.record({
    do: fc.constant('offer' as const),
    hint,
    length,
    source: fc.constantFrom(FROM_TARGET, 0, 1, 32_767),
    offset,
  }),
  fc.record({ do: fc.constant('ahead' as const), hint, length, offset }),
);

test('does what a map would do', (t) => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
      const needs = commands.filter((each) => each.do === 'need').length;
      const table = new NeedTable(needs);
      const oracle = new Map<string, { source: number; offset: number; ahead: number }>();
      for (const each of commands) {
        const key = `${each.hint} ${each.length}`;
        const known = oracle.get(key);
        if (each.do === 'need') {
          table.need(each.hint, each.length);
          oracle.set(key, known ?? { source: NOWHERE, offset: 0, ahead: -1 });
        } else if (each.do === 'offer') {
          table.offer(each.hint, each.length, each.source, each.offset);
          if (known?.source === NOWHERE) Object.assign(known, { source: each.source, offset: each.offset });
        } else {
          table.offerAhead(each.hint, each.length, each.offset);
          if (known !== undefined) known.ahead = Math.max(known.ahead, each.offset);
        }
        const expected = oracle.get(key);
        const found = table.find(each.hint, each.length);
        if (expected === undefined || (expected.source === NOWHERE && expected.ahead < 0))
          t.is(found, undefined);
        else t.deepEqual(found, expected);
      }
      for (const [key, expected] of oracle) {
        const [wanted = 0, size = 0] = key.split(' ').map(Number);
        t.deepEqual(table.find(wanted, size) ?? { source: NOWHERE, offset: 0, ahead: -1 }, expected);
      }
    }),
    { seed: 2, numRuns: 300 },
  );
});

test('holds as many chunks as were announced, all of them findable', (t) => {
  for (const chunks of [0, 1, 10, 11, 1000, 5000]) {
    const table = new NeedTable(chunks);
    for (let i = 0; i < chunks; i++) table.need(i * 2 ** 20, 100);
    for (let i = 0; i < chunks; i++) table.offer(i * 2 ** 20, 100, 3, i);
    let right = 0;
    for (let i = 0; i < chunks; i++) if (table.find(i * 2 ** 20, 100)?.offset === i) right += 1;
    t.is(right, chunks);
    t.is(table.find(12_345, 100), undefined);
  }
});
