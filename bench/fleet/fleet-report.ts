/**
 * What the devices of a simulated fleet tell, added up. Pure.
 *
 * @module
 */
import { formatSize } from '../../src/core/sizes.ts';

/** One device, once it has the image or has given up. */
export interface DeviceReport {
  /** The release that it had; `none` for a first install. */
  readonly from: string;
  /** The image is there, with the SHA-256 of what was published. */
  readonly isRight: boolean;
  /** Why not, or why it had to begin again. */
  readonly problem: string | undefined;
  /** Finished requests, and bytes of body. */
  readonly requests: number;
  readonly bytes: number;
  /** Requests that brought an error instead of an answer: 429, 5xx, or a connection that broke. */
  readonly failed: number;
  /** Waits before something was asked for again. */
  readonly retries: number;
  /** Times that the fetch was begun, as an agent does at its next poll; it goes on where it stopped. */
  readonly runs: number;
  readonly seconds: number;
}

/** One pass of the whole fleet. */
export interface PassReport {
  readonly name: string;
  readonly devices: readonly DeviceReport[];
  /** Fetches under way at one moment, the most of them. */
  readonly atOnce: number;
  /** Answers of the proxies by what their cache made of them, such as `HIT`. */
  readonly cache: Readonly<Record<string, number>>;
  /** What came to the S3 server, with what was to go wrong there. */
  readonly origin: { readonly requests: number; readonly bytes: number };
  /** Faults that were committed on the way. */
  readonly faults: number;
  readonly seconds: number;
}

/** What the cache of a proxy answers without asking for bytes. */
const FROM_CACHE = ['HIT', 'REVALIDATED', 'STALE', 'UPDATING'];

/** Share of the requests that the caches answered, from 0 to 1. */
export function hitRate(cache: PassReport['cache']): number {
  const all = Object.values(cache).reduce((sum, count) => sum + count, 0);
  const hits = FROM_CACHE.reduce((sum, status) => sum + (cache[status] ?? 0), 0);
  return all === 0 ? 0 : hits / all;
}

/** Devices that do not have the right image. */
export function lostIn(pass: PassReport): readonly DeviceReport[] {
  return pass.devices.filter(({ isRight }) => !isRight);
}

/** Counts of the lines of nginx's log, each of which is a status of the cache. */
export function countStatuses(log: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const status of log.split('\n')) if (status !== '') counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** The passes as tables in Markdown. */
export function passTables(passes: readonly PassReport[]): string[] {
  return [
    '| pass | devices | at once | requests | to devices | answered by the caches | requests at the origin | from the origin | faults | failed requests | asked again | begun again | wrong or lost | seconds |',
    '|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|',
    ...passes.map((pass) => {
      const { name, devices, origin } = pass;
      return row([
        ...[name, devices.length, pass.atOnce, sum(devices, 'requests'), formatSize(sum(devices, 'bytes'))],
        ...[`${(hitRate(pass.cache) * 100).toFixed(1)} %`, origin.requests, formatSize(origin.bytes)],
        ...[pass.faults, sum(devices, 'failed'), sum(devices, 'retries')],
        ...[sum(devices, 'runs') - devices.length, lostIn(pass).length, pass.seconds.toFixed(0)],
      ]);
    }),
    '',
    '| pass | from release | devices | bytes each | requests each | seconds: half of them | nearly all (95 %) |',
    '|---|--:|--:|--:|--:|--:|--:|',
    ...passes.flatMap(({ name, devices }) =>
      [...Map.groupBy(devices, ({ from }) => from)]
        .sort(([a], [b]) => a.localeCompare(b))
        .map(([from, group]) =>
          row([
            ...[name, from, group.length, formatSize(Math.round(sum(group, 'bytes') / group.length))],
            (sum(group, 'requests') / group.length).toFixed(1),
            ...[0.5, 0.95].map((share) =>
              quantile(
                group.map(({ seconds }) => seconds),
                share,
              ).toFixed(1),
            ),
          ]),
        ),
    ),
  ];
}

function sum(
  devices: readonly DeviceReport[],
  member: 'requests' | 'bytes' | 'failed' | 'retries' | 'runs',
): number {
  return devices.reduce((total, device) => total + device[member], 0);
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function row(cells: readonly (string | number)[]): string {
  return `| ${cells.join(' | ')} |`;
}
