/**
 * What `silt fetch` did, in lines for people.
 *
 * @module
 */
import { formatSize } from '../core/sizes.ts';
import type { FetchReport } from '../fetcher/fetch-report.ts';
import type { MirrorUsage } from '../store/mirrors.ts';
import { alignRows } from './align-rows.ts';

/** Lines about a fetch into `path`. */
export function describeFetch(
  report: FetchReport & { readonly peakMemory: number; readonly mirrors?: readonly MirrorUsage[] },
  path: string,
): string[] {
  const { windows } = report;
  const name = `${report.product} ${report.version} ${report.image}`;
  const title = report.dryRun ? `${name} would be written to ${path}` : `${name} is in ${path}, verified`;
  const share = report.imageSize === 0 ? 0 : (report.bytesFetched / report.imageSize) * 100;
  const kinds = [
    ...(report.deltaBytes > 0 ? [`delta ${formatSize(report.deltaBytes)}`] : []),
    `data ${formatSize(report.dataBytes)}`,
    `index ${formatSize(report.indexBytes)}`,
    `metadata ${formatSize(report.metadataBytes)}`,
  ];
  const places = [
    ['seeds', report.bytesFromSeeds],
    ['the delta', report.bytesFromDelta],
    ['the target itself', report.bytesFromTarget],
    ['zeros', report.bytesZero],
    ['kept from before', report.bytesKept],
  ] as const;
  const local = places.filter(([, bytes]) => bytes > 0);
  return [
    report.upToDate ? `${name} was in ${path} already` : title,
    ...alignRows([
      ['  image', `${formatSize(report.imageSize)} in ${windows.total} windows`],
      [
        report.dryRun ? '  to fetch' : '  fetched',
        `${formatSize(report.bytesFetched)} (${share.toFixed(1)} %) in ${report.requests} requests: ${kinds.join(', ')}`,
      ],
      ...(report.mirrors ?? []).map(mirrorRow),
      ...local.map(([place, bytes]) => [`  ${place}`, formatSize(bytes)]),
      ...(windows.repaired > 0 ? [['  repaired', `${windows.repaired} windows whose seed had changed`]] : []),
      ...(report.deltaProblem === undefined ? [] : [['  no delta', report.deltaProblem]]),
      ['  took', `${report.seconds.toFixed(1)} s, ${formatSize(report.peakMemory)} of memory`],
    ]),
  ];
}

function mirrorRow({ location, requests, bytes, failures, wrong }: MirrorUsage): string[] {
  const troubles = [
    ...(failures > 0 ? [`${failures} failed`] : []),
    ...(wrong > 0 ? [`${wrong} times wrong bytes`] : []),
  ];
  const told = troubles.length === 0 ? '' : `, ${troubles.join(', ')}`;
  return [`  from ${location}`, `${formatSize(bytes)} in ${requests} requests${told}`];
}
