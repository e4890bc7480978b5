import test from 'ava';
import { inOrder } from '../../bench/report/in-order.ts';
import { LINKS } from '../../src/compare/link.ts';
import type { PairInfo } from '../../src/compare/result.ts';
import { sampleHeader, sampleLedger } from '../support/sample-ledger.ts';

const release = { bytes: 1, sha256: '' };
const pair = (name: string, more: Partial<PairInfo> = {}): PairInfo => ({
  ...{ name, standsFor: name, releases: [release, release] },
  ...more,
});
const names = (entries: readonly { readonly name: string }[]): string[] => entries.map(({ name }) => name);

test('pairs come as in the catalogue, rows and growing images behind them, own ones behind the known', (t) => {
  const row = Array.from({ length: 10 }, () => release);
  const pairs = [
    ...[pair('grow-64m', { series: 'size' }), pair('mine'), pair('npm-row', { releases: row }), pair('ext4')],
    ...[pair('grow-16m', { series: 'size' }), pair('node24')],
  ];
  const { result } = sampleLedger(sampleHeader(pairs, [])).ledger;
  t.deepEqual(names(inOrder(result()).pairs), ['node24', 'ext4', 'mine', 'npm-row', 'grow-16m', 'grow-64m']);
});

test('tools and lines come in the order of their lists', (t) => {
  const peers = ['full', 'xdelta3', 'casync-64k', 'silt'].map((name) => ({ name }));
  const header = sampleHeader([], peers, { links: LINKS.toReversed() });
  const { tools, links } = inOrder(sampleLedger(header).ledger.result());
  t.deepEqual(names(tools), ['silt', 'casync-64k', 'xdelta3', 'full']);
  t.deepEqual(names(links), names(LINKS));
});
