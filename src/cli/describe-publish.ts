/**
 * What `silt publish` did, in lines for people.
 *
 * @module
 */
import { formatSize } from '../core/sizes.ts';
import type { KeptDelta, PublishReport } from '../publisher/publish-report.ts';
import { alignRows } from './align-rows.ts';

/** Lines about a publish. */
export function describePublish(
  report: PublishReport & { readonly peakMemory: number; readonly staged?: string },
): string[] {
  const { manifest } = report;
  const title = `${manifest.product} ${manifest.version} (release ${manifest.counter})`;
  if (report.unchanged) return [`${title} is published already; nothing was stored`];
  const images = manifest.images.map(({ name, size }) => [`  ${name}`, formatSize(size)]);
  const kept = report.deltas.filter((delta) => delta.kept);
  return [
    `${report.staged === undefined ? 'published' : 'staged'} ${title}`,
    ...alignRows([
      ...images,
      ['  chunks', `${report.chunks}, ${report.newChunks} of them new`],
      ['  new data', `${formatSize(report.newBytes)}, stored as ${formatSize(report.storedBytes)}`],
      ...(report.againBytes > 0
        ? [
            [
              '  of it again',
              `${formatSize(report.againBytes)}, to spare devices whole frames of older releases`,
            ],
          ]
        : []),
      ...kept.map((delta) => ['  delta', describeDelta(delta)]),
      ...(report.deltasDropped > 0
        ? [['  no delta', `for ${report.deltasDropped} of ${report.deltas.length}: none would save anything`]]
        : []),
      ...describeJobs(report),
      ['  uploaded', `${formatSize(report.bytesUploaded)} in ${report.objectsUploaded} objects`],
      ['  took', `${report.seconds.toFixed(1)} s, ${formatSize(report.peakMemory)} of memory`],
    ]),
  ];
}

function describeJobs({ jobs }: PublishReport): string[][] {
  if (jobs === undefined) return [];
  const { here, elsewhere, refused } = jobs;
  const failed = refused > 0 ? `; ${refused} of them after a worker had failed` : '';
  return [['  made', `${elsewhere} deltas by workers, ${here} by this machine${failed}`]];
}

function describeDelta({ image, base, size, fetchBytes, chunkBytes }: KeptDelta): string {
  const missing = fetchBytes > size ? ` and ${formatSize(fetchBytes - size)} of chunks` : '';
  return `${image} from ${base.versions.join(', ')}: ${formatSize(size)}${missing} instead of ${formatSize(chunkBytes)}`;
}
