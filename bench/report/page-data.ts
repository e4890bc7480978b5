/**
 * What the page's charts are drawn from: the summary, without what no chart shows, short enough to be sent
 * along in the page.
 *
 * @module
 */
import type { Scenario, ToolInfo } from '../../src/compare/result.ts';
import type { BenchSummary, Spread } from '../../src/compare/summary.ts';
import { detailLink, linkLabel } from '../../src/compare/tables.ts';

/** Median, least, most. */
export type Figures = readonly [median: number, min: number, max: number];

export interface PageFetch {
  readonly pair: string;
  readonly tool: string;
  readonly link: string;
  readonly scenario: Scenario;
  /** Medians of data, index and metadata. */
  readonly kinds: Figures;
  readonly download: Figures;
  readonly requests: Figures;
  readonly wall: Figures;
  readonly cpu: Figures;
  readonly memory: Figures;
}

export interface PageData {
  readonly reference: string;
  readonly pairs: readonly {
    readonly name: string;
    readonly standsFor: string;
    readonly bytes: readonly number[];
    readonly series: 'size' | undefined;
  }[];
  readonly tools: readonly Pick<ToolInfo, 'name' | 'title' | 'family'>[];
  readonly links: readonly { readonly name: string; readonly label: string; readonly title: string }[];
  readonly scenarios: readonly Scenario[];
  /** What is chosen when the page opens. */
  readonly chosen: { readonly pair: string; readonly link: string; readonly scenario: Scenario };
  readonly fetches: readonly PageFetch[];
  /** Bytes on the server after each release, of pairs with more than two. */
  readonly stored: readonly {
    readonly pair: string;
    readonly tool: string;
    readonly bytes: readonly number[];
  }[];
}

/** Takes only what was measured: no selector leads to an empty page. */
export function pageData(summary: BenchSummary): PageData {
  const { fetches, publishes } = summary;
  const measured = (key: 'pair' | 'tool' | 'link' | 'scenario'): Set<string> =>
    new Set(fetches.map((one) => one[key]));
  const pairs = summary.pairs.filter(({ name }) => measured('pair').has(name));
  const rows = new Set(pairs.filter(({ releases }) => releases.length > 2).map(({ name }) => name));
  const scenarios = (['update', 'install'] as const).filter((name) => measured('scenario').has(name));
  return {
    reference: summary.reference,
    pairs: pairs.map(({ name, standsFor, releases, series }) => {
      return { name, standsFor, bytes: releases.map(({ bytes }) => bytes), series };
    }),
    tools: summary.tools
      .filter(({ name }) => measured('tool').has(name))
      .map(({ name, title, family }) => ({ name, title, family })),
    links: summary.links
      .filter(({ name }) => measured('link').has(name))
      .map(({ name, title }) => ({ name, label: linkLabel(name), title })),
    scenarios,
    chosen: {
      pair: (pairs.find(({ series }) => series === undefined) ?? pairs[0])?.name ?? '',
      link: detailLink(summary) ?? '',
      scenario: scenarios[0] ?? 'update',
    },
    fetches: fetches.map((one) => ({
      pair: one.pair,
      tool: one.tool,
      link: one.link,
      scenario: one.scenario,
      kinds: [one.bytes.data.median, one.bytes.index.median, one.bytes.metadata.median],
      download: figures(one.download),
      requests: figures(one.requests),
      wall: figures(one.wallSeconds),
      cpu: figures(one.cpuSeconds),
      memory: figures(one.peakMemory),
    })),
    stored: publishes
      .filter(({ pair }) => rows.has(pair))
      .map(({ pair, tool, releases }) => ({
        pair,
        tool,
        bytes: releases.map(({ storedBytes }) => storedBytes),
      })),
  };
}

function figures({ median, min, max }: Spread): Figures {
  const short = (value: number): number => Math.round(value * 1e4) / 1e4;
  return [short(median), short(min), short(max)];
}
