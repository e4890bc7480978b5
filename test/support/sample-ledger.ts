/**
 * A ledger for a few subjects and tools, and what it saved.
 *
 * @module
 */
import { type Header, type Ledger, openLedger } from '../../src/compare/ledger.ts';
import { LINKS, type Link } from '../../src/compare/link.ts';
import type { Peer } from '../../src/compare/peer.ts';
import type { BenchResult, PairInfo } from '../../src/compare/result.ts';

const machine = { cpu: 'a processor', cores: 2, memoryBytes: 2 ** 33, system: 'Linux 6.1', node: '24.21.0' };

export const lan: Link = LINKS.find(({ name }) => name === 'lan') as Link;

/** What a run is about. */
export function sampleHeader(
  pairs: readonly PairInfo[],
  peers: readonly Pick<Peer, 'name'>[],
  changes: Partial<Header> = {},
): Header {
  const tools = peers.map(({ name }) => ({ name, title: name, family: 'full' as const, version: '1' }));
  const silt = { version: '0.1.0', commit: undefined };
  return { started: '2026-11-22T12:00:00.000Z', machine, silt, pairs, tools, links: [lan], ...changes };
}

/** A ledger and what was saved last. */
export function sampleLedger(
  header: Header,
  before?: BenchResult,
): { readonly ledger: Ledger; saved(): BenchResult | undefined } {
  let last: BenchResult | undefined;
  const ledger = openLedger(header, before, async (result) => {
    last = result;
  });
  return { ledger, saved: () => last };
}
