import test from 'ava';
import type { FetchCell, PairInfo, PublishCell } from '../../src/compare/result.ts';
import { sampleHeader, sampleLedger } from '../support/sample-ledger.ts';

const pair: PairInfo = {
  name: 'p',
  standsFor: 'a pair',
  releases: [
    { bytes: 1, sha256: 'aa' },
    { bytes: 2, sha256: 'bb' },
  ],
};
const other: PairInfo = { ...pair, name: 'q' };
const usage = { wallSeconds: 1, cpuSeconds: 1, peakMemory: 1 };
const fetched: FetchCell = {
  ...{
    pair: 'p',
    tool: 'a',
    link: 'lan',
    scenario: 'update',
    round: 1,
    requests: 1,
    wireBytes: 9,
    attempts: 1,
  },
  ...{ ...usage, bytes: { data: 7, index: 1, metadata: 1 } },
};
const published: PublishCell = { pair: 'p', tool: 'a', release: 1, storedBytes: 9, objects: 1, ...usage };
const a = { name: 'a' };
const b = { name: 'b' };

async function filled() {
  const { ledger } = sampleLedger(sampleHeader([pair, other], [a, b]));
  await ledger.addPublished([published]);
  await ledger.addFetched(fetched);
  await ledger.addFetched({ ...fetched, tool: 'b' });
  await ledger.addFetched({ ...fetched, pair: 'q' });
  await ledger.addSkipped({ pair: 'p', tool: 'b', reason: 'because' });
  return ledger.result();
}

test('every change is saved with all that was there before', async (t) => {
  const { ledger, saved } = sampleLedger(sampleHeader([pair], [a]));
  t.is(saved(), undefined);
  await ledger.addPublished([published]);
  await ledger.addFetched(fetched);
  t.deepEqual(saved()?.publishes, [published]);
  t.deepEqual(saved()?.fetches, [fetched]);
});

test('a run goes on with the cells of the one before', async (t) => {
  const { ledger } = sampleLedger(sampleHeader([pair], [a]), await filled());
  t.deepEqual(ledger.published('p', 'a'), [published]);
  t.deepEqual(ledger.fetched(fetched), [fetched]);
});

test('cells of tools and pairs that this run is not about are kept as they are', async (t) => {
  const { ledger } = sampleLedger(sampleHeader([pair], [a]), await filled());
  const { fetches, pairs, tools, skipped } = ledger.result();
  t.is(fetches.length, 3);
  t.deepEqual(
    pairs.map(({ name }) => name),
    ['p', 'q'],
  );
  t.deepEqual(
    tools.map(({ name }) => name),
    ['a', 'b'],
  );
  t.is(skipped.length, 1);
});

test('another version of a tool is measured anew', async (t) => {
  const before = await filled();
  const header = sampleHeader([pair], [a]);
  const newer = { ...header, tools: header.tools.map((tool) => ({ ...tool, version: '2' })) };
  const { ledger } = sampleLedger(newer, before);
  t.deepEqual(ledger.fetched(fetched), []);
  t.deepEqual(ledger.published('p', 'a'), []);
  t.is(ledger.fetched({ ...fetched, tool: 'b' }).length, 1);
});

test('other bytes under the name of a pair are measured anew', async (t) => {
  const changed = { ...pair, releases: [...pair.releases.slice(0, 1), { bytes: 2, sha256: 'cc' }] };
  const { ledger } = sampleLedger(sampleHeader([changed], [a]), await filled());
  t.deepEqual(ledger.fetched(fetched), []);
  t.is(ledger.fetched({ ...fetched, pair: 'q' }).length, 1);
});

test('another shape of a line is measured anew, what was published stays', async (t) => {
  const header = sampleHeader([pair], [a]);
  const slower = { ...header, links: header.links.map((link) => ({ ...link, roundTripMs: 5 })) };
  const { ledger } = sampleLedger(slower, await filled());
  t.deepEqual(ledger.fetched(fetched), []);
  t.deepEqual(ledger.published('p', 'a'), [published]);
});

test('figures of another machine are not mixed in', async (t) => {
  const header = sampleHeader([pair], [a]);
  const { ledger } = sampleLedger({ ...header, machine: { ...header.machine, cores: 64 } }, await filled());
  t.deepEqual(ledger.result().fetches, []);
  t.deepEqual(ledger.result().publishes, []);
});

test('what was skipped is tried again by a run that is about that tool', async (t) => {
  const { ledger } = sampleLedger(sampleHeader([pair], [a, b]), await filled());
  t.is(ledger.skipped('p', 'b'), undefined);
});

test('a reason without a line holds for all of them, one with a line for that alone', async (t) => {
  const { ledger } = sampleLedger(sampleHeader([pair], [a, b]));
  await ledger.addSkipped({ pair: 'p', tool: 'a', reason: 'too large' });
  await ledger.addSkipped({ pair: 'p', tool: 'b', link: '3g', scenario: 'update', reason: 'too slow' });
  const place = { pair: 'p', tool: 'a', link: '3g', scenario: 'update' } as const;
  t.is(ledger.skipped('p', 'a', place)?.reason, 'too large');
  t.is(ledger.skipped('p', 'b', { ...place, tool: 'b' })?.reason, 'too slow');
  t.is(ledger.skipped('p', 'b', { ...place, tool: 'b', link: 'lan' }), undefined);
  t.is(ledger.skipped('p', 'b'), undefined);
});
