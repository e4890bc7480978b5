/**
 * The cells measured so far: what is there already is not measured again, so a benchmark that was stopped
 * goes on where it was.
 *
 * @module
 */
import type {
  BenchResult,
  FetchCell,
  FetchPlace,
  Machine,
  PairInfo,
  PublishCell,
  SkippedCell,
  ToolInfo,
} from './result.ts';
import { covers, isAt, RESULT_FORMAT } from './result.ts';

export interface Ledger {
  readonly result: () => BenchResult;
  /** The releases of a pair as a tool published them; empty when it has not. */
  readonly published: (pair: string, tool: string) => readonly PublishCell[];
  readonly fetched: (place: FetchPlace) => readonly FetchCell[];
  /** Why something will not be measured: the pair with the tool as a whole, or one place. */
  readonly skipped: (pair: string, tool: string, place?: FetchPlace) => SkippedCell | undefined;
  addPublished(cells: readonly PublishCell[]): Promise<void>;
  addFetched(cell: FetchCell): Promise<void>;
  addSkipped(cell: SkippedCell): Promise<void>;
}

/** What a run is about; cells come later. */
export type Header = Omit<BenchResult, 'format' | 'publishes' | 'fetches' | 'skipped'>;

/**
 * A ledger that starts with what `before` holds and still is true: cells of the same machine, of images with
 * the same bytes, of tools of the same version. Other tools and pairs of `before` are kept as they are.
 *
 * @param save told the whole result after every change
 */
export function openLedger(
  header: Header,
  before: BenchResult | undefined,
  save: (result: BenchResult) => Promise<void>,
): Ledger {
  const kept = before !== undefined && sameMachine(header.machine, before.machine) ? before : undefined;
  const pairs = merge(header.pairs, kept?.pairs ?? []);
  const tools = merge(header.tools, kept?.tools ?? []);
  const links = merge(header.links, kept?.links ?? []);
  const stalePairs = changed(header.pairs, kept?.pairs ?? [], samePair);
  const staleTools = changed(header.tools, kept?.tools ?? [], sameTool);
  const staleLinks = changed(
    header.links,
    kept?.links ?? [],
    (a, b) => JSON.stringify(a) === JSON.stringify(b),
  );
  const holds = (cell: { pair: string; tool: string; link?: string }): boolean =>
    !stalePairs.has(cell.pair) &&
    !staleTools.has(cell.tool) &&
    !(cell.link !== undefined && staleLinks.has(cell.link));
  const publishes = (kept?.publishes ?? []).filter(holds);
  const fetches = (kept?.fetches ?? []).filter(holds);
  // What was skipped may work by now: this run's tools and pairs are tried again.
  const again = new Set(header.tools.map(({ name }) => name));
  const skips = (kept?.skipped ?? []).filter((cell) => holds(cell) && !again.has(cell.tool));
  const started = kept?.started ?? header.started;
  const result = (): BenchResult => ({
    format: RESULT_FORMAT,
    ...header,
    ...{ started, pairs, tools, links },
    ...{ publishes: [...publishes], fetches: [...fetches], skipped: [...skips] },
  });
  return {
    result,
    published: (pair, tool) => publishes.filter((cell) => cell.pair === pair && cell.tool === tool),
    fetched: (place) => fetches.filter((cell) => isAt(cell, place)),
    skipped: (pair, tool, place) => skips.find((cell) => covers(cell, { ...place, pair, tool })),
    async addPublished(cells) {
      publishes.push(...cells);
      await save(result());
    },
    async addFetched(cell) {
      fetches.push(cell);
      await save(result());
    },
    async addSkipped(cell) {
      skips.push(cell);
      await save(result());
    },
  };
}

/** Entries by name: those of `mine` first, then the others of `before`. */
function merge<T extends { readonly name: string }>(mine: readonly T[], before: readonly T[]): T[] {
  return [...mine, ...before.filter(({ name }) => !mine.some((entry) => entry.name === name))];
}

/** Names that both have, with something else behind them. */
function changed<T extends { readonly name: string }>(
  mine: readonly T[],
  before: readonly T[],
  same: (a: T, b: T) => boolean,
): ReadonlySet<string> {
  const differs = mine.filter((entry) => {
    const old = before.find(({ name }) => name === entry.name);
    return old !== undefined && !same(entry, old);
  });
  return new Set(differs.map(({ name }) => name));
}

function samePair(a: PairInfo, b: PairInfo): boolean {
  return JSON.stringify(a.releases) === JSON.stringify(b.releases);
}

function sameTool(a: ToolInfo, b: ToolInfo): boolean {
  return a.version === b.version && a.title === b.title;
}

function sameMachine(a: Machine, b: Machine): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
