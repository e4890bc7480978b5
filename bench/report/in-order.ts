/**
 * A result in an order that is good to read: pairs as in the catalogue, rows of releases and growing images behind
 * them, tools as `silt bench` lists them, lines from the fastest on; whatever order they were measured in.
 *
 * @module
 */
import { LINKS } from '../../src/compare/link.ts';
import { allPeers } from '../../src/compare/peers.ts';
import type { BenchResult, PairInfo } from '../../src/compare/result.ts';
import { CORPUS } from '../corpus/pairs.ts';

/** What neither list knows stays behind what they know, in the order it had. */
export function inOrder(result: BenchResult): BenchResult {
  return {
    ...result,
    pairs: byList(result.pairs, CORPUS).toSorted((a, b) => chapter(a) - chapter(b)),
    tools: byList(result.tools, allPeers([])),
    links: byList(result.links, LINKS),
  };
}

/** Pairs of releases, then rows of them, then one image in several sizes. */
function chapter({ series, releases }: PairInfo): number {
  if (series !== undefined) return 2;
  return releases.length > 2 ? 1 : 0;
}

function byList<T extends { readonly name: string }>(
  entries: readonly T[],
  list: readonly { readonly name: string }[],
): T[] {
  const place = ({ name }: T): number => {
    const at = list.findIndex((known) => known.name === name);
    return at === -1 ? list.length : at;
  };
  return entries.toSorted((a, b) => place(a) - place(b));
}
