import test from 'ava';
import fc from 'fast-check';
import { bestClosure, type ClosureProblem } from '../../src/publisher/best-closure.ts';
import { seededRandom } from '../support/seeded-bytes.ts';

function weight({ gains, needs, costs }: ClosureProblem, chosen: readonly number[]): number {
  const needed = new Set(chosen.flatMap((item) => needs[item] as readonly number[]));
  const gain = chosen.reduce((sum, item) => sum + (gains[item] as number), 0);
  return gain - [...needed].reduce((sum, need) => sum + (costs[need] as number), 0);
}

test('the choice is the best of all, and the smallest of the best', (t) => {
  const problem = fc.integer({ min: 1, max: 6 }).chain((count) =>
    fc.record({
      gains: fc.array(fc.integer({ min: -5, max: 30 }), { minLength: 7, maxLength: 7 }),
      needs: fc.array(fc.uniqueArray(fc.nat(count - 1), { maxLength: 4 }), { minLength: 7, maxLength: 7 }),
      costs: fc.array(fc.nat(40), { minLength: count, maxLength: count }),
    }),
  );
  fc.assert(
    fc.property(problem, (example) => {
      const chosen = bestClosure(example);
      const all = Array.from({ length: 2 ** 7 }, (_, bits) =>
        [...Array(7).keys()].filter((item) => ((bits >> item) & 1) === 1),
      );
      const best = Math.max(...all.map((items) => weight(example, items)));
      t.is(weight(example, chosen), best);
      const smallest = all.filter((items) => weight(example, items) === best);
      t.is(chosen.length, Math.min(...smallest.map((items) => items.length)));
    }),
    { seed: 1, numRuns: 400 },
  );
});

test('nothing is chosen of nothing, and what needs nothing is chosen when it gains', (t) => {
  t.deepEqual(bestClosure({ gains: [], needs: [], costs: [] }), []);
  t.deepEqual(bestClosure({ gains: [1, 0, -1], needs: [[], [], []], costs: [] }), [0]);
});

test('thousands of items that share their needs are done with soon', (t) => {
  const random = seededRandom(5);
  const count = 4000;
  const gains = Array.from({ length: count }, () => Math.floor(random() * 500_000));
  const needs = gains.map((_, i) => [0, 1, 2].map((k) => Math.min(1999, Math.floor(i / 2) + k)));
  const costs = Array.from({ length: 2000 }, () => Math.floor(random() * 1_000_000));
  // One need of everything.
  const problem = { gains, needs: needs.map((list) => [...list, 2000]), costs: [...costs, 100_000] };
  const chosen = bestClosure(problem);
  t.true(chosen.length > 0 && chosen.length < count);
  t.true(weight(problem, chosen) >= Math.max(0, weight(problem, [...gains.keys()])));
});
