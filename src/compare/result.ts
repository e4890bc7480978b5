/**
 * The result of a benchmark: plain data, written as one JSON file, from which every report is made.
 *
 * @module
 */
import type { Link } from './link.ts';
import type { Kind } from './peer.ts';
import type { Usage } from './usage.ts';

export const RESULT_FORMAT = 'silt-bench-1';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  /** Name and release of the system. */
  readonly system: string;
  readonly node: string;
}

/** A pair of images, or a longer row of releases of one. The last but one is the seed of the last. */
export interface PairInfo {
  readonly name: string;
  /** One line: what in the world it is like. */
  readonly standsFor: string;
  /** Bytes and SHA-256 of each release, the oldest first. */
  readonly releases: readonly { readonly bytes: number; readonly sha256: string }[];
  /** Chart that it belongs to besides the tables: growth with the image's size. */
  readonly series?: 'size';
}

export interface ToolInfo {
  readonly name: string;
  readonly title: string;
  readonly family: 'chunks' | 'delta' | 'full';
  /** What its programs say of their versions. */
  readonly version: string;
}

/** One release published once. */
export interface PublishCell extends Usage {
  readonly pair: string;
  readonly tool: string;
  /** 1 for the first. */
  readonly release: number;
  /** Bytes of all files of the site after it. */
  readonly storedBytes: number;
  /** Files of the site after it. */
  readonly objects: number;
}

/** `update`: the device has the release before; `install`: it has nothing. */
export type Scenario = 'update' | 'install';

/** Which fetches belong together. */
export interface FetchPlace {
  readonly pair: string;
  readonly tool: string;
  readonly link: string;
  readonly scenario: Scenario;
}

/** The last release fetched once. */
export interface FetchCell extends FetchPlace, Usage {
  /** 1 for the first of several. */
  readonly round: number;
  /** Bodies of answers by kind of object, as the server sent them. */
  readonly bytes: Readonly<Record<Kind, number>>;
  readonly requests: number;
  /** All bytes to the device at the line: heads included, TCP and IP not. */
  readonly wireBytes: number;
  /** 1 when it worked at once. */
  readonly attempts: number;
}

/** What was not measured, and why. */
export interface SkippedCell {
  readonly pair: string;
  readonly tool: string;
  /** Absent when it holds for all links. */
  readonly link?: string;
  readonly scenario?: Scenario;
  readonly reason: string;
}

export interface BenchResult {
  readonly format: typeof RESULT_FORMAT;
  /** ISO 8601. */
  readonly started: string;
  readonly machine: Machine;
  readonly silt: { readonly version: string; readonly commit: string | undefined };
  readonly pairs: readonly PairInfo[];
  readonly tools: readonly ToolInfo[];
  readonly links: readonly Link[];
  readonly publishes: readonly PublishCell[];
  readonly fetches: readonly FetchCell[];
  readonly skipped: readonly SkippedCell[];
}

export function isAt(cell: FetchPlace, { pair, tool, link, scenario }: FetchPlace): boolean {
  return cell.pair === pair && cell.tool === tool && cell.link === link && cell.scenario === scenario;
}

/**
 * True when `cell` tells why this place was not measured. What was skipped in part is no reason for the whole:
 * without a link only what holds for all links counts, and the same for scenarios.
 */
export function covers(
  { pair, tool, link, scenario }: SkippedCell,
  place: Pick<FetchPlace, 'pair' | 'tool'> & Partial<FetchPlace>,
): boolean {
  return (
    pair === place.pair &&
    tool === place.tool &&
    (link === undefined || link === place.link) &&
    (scenario === undefined || scenario === place.scenario)
  );
}
