import test from 'ava';
import fc from 'fast-check';
import type { BenchResult, FetchCell, PublishCell } from '../../src/compare/result.ts';
import { fetchAt, publishAt, spreadOf, summarise, whySkipped } from '../../src/compare/summary.ts';
import { sampleBenchResult } from '../support/sample-bench-result.ts';

function fetchCell(cell: Partial<FetchCell>): FetchCell {
  return {
    pair: 'image',
    tool: 'silt',
    link: 'lte',
    scenario: 'update',
    round: 1,
    bytes: { data: 100, index: 10, metadata: 1 },
    requests: 4,
    wireBytes: 150,
    attempts: 1,
    wallSeconds: 2,
    cpuSeconds: 1,
    peakMemory: 1000,
    ...cell,
  };
}

function publishCell(cell: Partial<PublishCell>): PublishCell {
  return {
    pair: 'image',
    tool: 'silt',
    release: 1,
    storedBytes: 500,
    objects: 3,
    wallSeconds: 9,
    cpuSeconds: 8,
    peakMemory: 2000,
    ...cell,
  };
}

function resultOf(cells: Partial<BenchResult>): BenchResult {
  return { ...sampleBenchResult([]), fetches: [], publishes: [], skipped: [], ...cells };
}

const place = { pair: 'image', tool: 'silt', link: 'lte', scenario: 'update' } as const;

test('a spread is the median with the least and the most', (t) => {
  t.deepEqual(spreadOf([5]), { median: 5, min: 5, max: 5 });
  t.deepEqual(spreadOf([9, 1, 4]), { median: 4, min: 1, max: 9 });
  t.deepEqual(spreadOf([4, 1, 9, 2]), { median: 3, min: 1, max: 9 });
  t.throws(() => spreadOf([]), { instanceOf: RangeError });
});

test('half of the values are on each side of the median, in whatever order they came', (t) => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1, maxLength: 9 }), (values) => {
      const { median, min, max } = spreadOf(values);
      const below = values.filter((value) => value < median).length;
      const above = values.filter((value) => value > median).length;
      return below <= values.length / 2 && above <= values.length / 2 && min <= median && median <= max;
    }),
    { seed: 20261122 },
  );
  t.pass();
});

test('rounds of one place become one summary, others stay apart', (t) => {
  const summary = summarise(
    resultOf({
      fetches: [
        fetchCell({ round: 1, wallSeconds: 3, bytes: { data: 100, index: 10, metadata: 1 } }),
        fetchCell({ round: 2, wallSeconds: 1, bytes: { data: 90, index: 10, metadata: 21 } }),
        fetchCell({ round: 3, wallSeconds: 2, bytes: { data: 80, index: 10, metadata: 1 } }),
        fetchCell({ link: 'lan', wallSeconds: 0.5 }),
        fetchCell({ scenario: 'install', wallSeconds: 7 }),
      ],
    }),
  );
  t.is(summary.fetches.length, 3);
  const found = fetchAt(summary, place);
  t.is(found?.rounds, 3);
  t.deepEqual(found?.wallSeconds, { median: 2, min: 1, max: 3 });
  t.deepEqual(found?.bytes.data, { median: 90, min: 80, max: 100 });
  // Of the sums, which is not the sum of the medians.
  t.deepEqual(found?.download, { median: 111, min: 91, max: 121 });
  t.is(fetchAt(summary, { ...place, link: '3g' }), undefined);
});

test('a ratio compares runs of the same round only', (t) => {
  const slow = { tool: 'casync', bytes: { data: 222, index: 0, metadata: 0 } };
  const summary = summarise(
    resultOf({
      fetches: [
        fetchCell({ round: 1, wallSeconds: 1 }),
        fetchCell({ round: 2, wallSeconds: 10 }),
        fetchCell({ round: 3, wallSeconds: 2 }),
        fetchCell({ ...slow, round: 1, wallSeconds: 2 }),
        fetchCell({ ...slow, round: 2, wallSeconds: 30 }),
        fetchCell({ ...slow, round: 4, wallSeconds: 5000 }),
      ],
    }),
  );
  const { ratios } = fetchAt(summary, { ...place, tool: 'casync' }) ?? {};
  t.deepEqual(ratios?.wallSeconds, { median: 2.5, min: 2, max: 3 });
  t.deepEqual(ratios?.download, { median: 2, min: 2, max: 2 });
  t.deepEqual(fetchAt(summary, place)?.ratios.wallSeconds, { median: 1, min: 1, max: 1 });
});

test('where the reference was not measured, or read zero, there is no ratio', (t) => {
  const fetches = [
    fetchCell({ cpuSeconds: 0 }),
    fetchCell({ tool: 'casync' }),
    fetchCell({ tool: 'casync', link: 'lan' }),
  ];
  const summary = summarise(resultOf({ fetches }));
  const beside = fetchAt(summary, { ...place, tool: 'casync' })?.ratios;
  t.is(beside?.cpuSeconds, undefined);
  t.is(beside?.requests?.median, 1);
  t.deepEqual(fetchAt(summary, { ...place, tool: 'casync', link: 'lan' })?.ratios, {});
});

test('another tool can be the reference', (t) => {
  const fetches = [fetchCell({ wallSeconds: 4 }), fetchCell({ tool: 'casync', wallSeconds: 8 })];
  const summary = summarise(resultOf({ fetches }), 'casync');
  t.is(fetchAt(summary, place)?.ratios.wallSeconds?.median, 0.5);
});

test('releases are in order, with what the server holds after each', (t) => {
  const publishes = [
    publishCell({ release: 10, storedBytes: 900, wallSeconds: 3 }),
    publishCell({ release: 2, storedBytes: 600 }),
    publishCell({ release: 1, storedBytes: 500, wallSeconds: 9 }),
    publishCell({ release: 10, storedBytes: 900, wallSeconds: 5 }),
  ];
  const found = publishAt(summarise(resultOf({ publishes })), 'image', 'silt');
  t.deepEqual(
    found?.releases.map(({ release, storedBytes }) => [release, storedBytes]),
    [
      [1, 500],
      [2, 600],
      [10, 900],
    ],
  );
  t.is(found?.first.wallSeconds.median, 9);
  t.deepEqual(found?.last.wallSeconds, { median: 4, min: 3, max: 5 });
});

test('the closest reason is told for what was skipped, and none for what was not', (t) => {
  const summary = summarise(
    resultOf({
      skipped: [
        { pair: 'image', tool: 'bsdiff', reason: 'too large' },
        { pair: 'image', tool: 'casync', link: '3g', reason: 'took too long' },
        { pair: 'image', tool: 'casync', link: '3g', scenario: 'install', reason: 'took far too long' },
      ],
    }),
  );
  t.is(whySkipped(summary, { ...place, tool: 'bsdiff' }), 'too large');
  t.is(whySkipped(summary, { pair: 'image', tool: 'bsdiff' }), 'too large');
  t.is(whySkipped(summary, { ...place, tool: 'casync', link: '3g' }), 'took too long');
  t.is(
    whySkipped(summary, { ...place, tool: 'casync', link: '3g', scenario: 'install' }),
    'took far too long',
  );
  t.is(whySkipped(summary, { ...place, tool: 'casync' }), undefined);
  t.is(whySkipped(summary, { pair: 'image', tool: 'casync' }), undefined);
});

test('a summary is plain data', (t) => {
  const summary = summarise(sampleBenchResult(['firmware']));
  t.deepEqual(JSON.parse(JSON.stringify(summary)), summary);
});
