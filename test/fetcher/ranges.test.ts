import test from 'ava';
import fc from 'fast-check';
import { MiB } from '../../src/core/sizes.ts';
import { bytesOf, planRanges, type Span } from '../../src/fetcher/ranges.ts';

/** Spans of a few objects that do not overlap, in any order of use. */
const spansInAnyOrder = fc
  .array(
    fc.record({
      object: fc.integer({ min: 0, max: 3 }),
      gap: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 200 })),
      length: fc.integer({ min: 1, max: 300 }),
      turn: fc.nat(),
    }),
    { maxLength: 60 },
  )
  .map((drafts) => {
    const ends = new Map<number, number>();
    return drafts
      .map(({ object, gap, length, turn }) => {
        const offset = (ends.get(object) ?? 0) + gap;
        ends.set(object, offset + length);
        return { object, offset, length, turn };
      })
      .sort((a, b) => a.turn - b.turn);
  });

const anyCosts = fc.record({
  requestBytes: fc.integer({ min: 0, max: 150 }),
  maxBytes: fc.integer({ min: 1, max: 1000 }),
});

test('every span is in one request, in its order, and no request is larger or emptier than allowed', (t) => {
  fc.assert(
    fc.property(spansInAnyOrder, anyCosts, (spans, costs) => {
      const requests = planRanges(spans, costs);
      const covered = requests.flatMap((request) => request.spans);
      t.is(covered.length, spans.length);
      t.is(new Set(covered).size, spans.length);
      const place = new Map(spans.map((span, turn) => [span, turn]));
      let last = -1;
      for (const { object, offset, length, spans: group } of requests) {
        const first = group[0] as Span;
        // Requests are made in the order of the first thing that each brings.
        const turn = place.get(first as (typeof spans)[number]) as number;
        t.true(turn > last);
        last = turn;
        t.true(group.every((span) => (place.get(span as (typeof spans)[number]) as number) >= turn));
        t.is(first.offset, offset);
        let end = offset;
        for (const span of group) {
          t.is(span.object, object);
          t.true(span.offset >= end && span.offset - end <= costs.requestBytes);
          end = span.offset + span.length;
        }
        t.is(end, offset + length);
        t.true(length <= costs.maxBytes || group.length === 1);
      }
      t.is(
        bytesOf(requests),
        requests.reduce((sum, { length }) => sum + length, 0),
      );
    }),
    { seed: 1, numRuns: 400 },
  );
});

test('neighbours in order become one request', (t) => {
  const spans = [0, 100, 250, 1000].map((offset) => ({ object: 0, offset, length: 100 }));
  const requests = planRanges(spans, { requestBytes: 50, maxBytes: 10_000 });
  t.deepEqual(
    requests.map(({ offset, length }) => [offset, length]),
    [
      [0, 350],
      [1000, 100],
    ],
  );
});

test('two interleaved objects need one request each', (t) => {
  const spans = Array.from({ length: 20 }, (_, i) => ({ object: i % 2, offset: i * 50, length: 100 }));
  t.is(planRanges(spans, { requestBytes: 0, maxBytes: 10_000 }).length, 2);
});

test('nothing is fetched far ahead of its turn', (t) => {
  const near = { object: 0, offset: 0, length: 10 };
  const between = Array.from({ length: 9 }, (_, i) => ({ object: 1, offset: i * MiB * 2, length: MiB }));
  const far = { object: 0, offset: 10, length: 10 };
  const requests = planRanges([near, ...between, far], { requestBytes: 64, maxBytes: 4 * MiB });
  t.deepEqual(requests[0]?.spans, [near]);
  t.deepEqual(requests.at(-1)?.spans, [far]);
});

test('no spans need no requests', (t) => {
  t.deepEqual(planRanges([]), []);
  t.is(bytesOf([]), 0);
});
