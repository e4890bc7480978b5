/**
 * What `silt prune` did, in lines for people.
 *
 * @module
 */
import { formatSize } from '../core/sizes.ts';
import { PRUNED_KINDS } from '../publisher/prune/object-keys.ts';
import type { ObjectCounts, PruneReport } from '../publisher/prune/prune-report.ts';
import { alignRows } from './align-rows.ts';

/** Releases that are named; `--json` has all of them. */
const SHOWN = 20;

/** Lines about a prune. */
export function describePrune(report: PruneReport & { readonly staged?: string }): string[] {
  const { dryRun, removed, staged, live, marked, waiting, deleted, undecided, waitingFor, repacked } = report;
  const names = removed.map(({ product, version }) => `${product} ${version}`);
  const more = names.length > SHOWN ? [`  and ${names.length - SHOWN} more; --json lists all of them`] : [];
  const title =
    staged === undefined
      ? `${dryRun ? 'would take' : 'took'} out ${removed.length} releases; ${report.releases} stay`
      : `${removed.length} releases will be taken out; sign ${staged} and release it`;
  return [
    title,
    ...names.slice(0, SHOWN).map((name) => `  ${name}`),
    ...more,
    ...alignRows([
      [dryRun ? '  would delete' : '  deleted', ...cells(deleted)],
      ['  unused since now', ...cells(marked)],
      ['  unused, in grace', ...cells(waiting)],
      ['  in use', ...cells(live)],
      ...(undecided.objects > 0 ? [['  not decided', ...total(undecided)]] : []),
    ]),
    ...(repacked.packs > 0
      ? [
          `${dryRun ? 'would make' : 'made'} ${repacked.packs} packs smaller: ${formatSize(repacked.freedBytes)} less once the grace is over`,
        ]
      : []),
    ...repacked.damaged
      .slice(0, SHOWN)
      .map((key) => `${key} is damaged in a part that is in use, so it was left alone: run silt verify`),
    ...(report.closedReleases > 0
      ? [`${report.closedReleases} sealed releases cannot be opened, so all sealed packs stay: give --seal`]
      : []),
    ...(waitingFor.length > 0
      ? [`nothing was deleted, for somebody is at work: ${waitingFor.slice(0, SHOWN).join(', ')}`]
      : []),
  ];
}

function total({ objects, bytes }: Pick<ObjectCounts, 'objects' | 'bytes'>): string[] {
  return [`${objects} objects`, formatSize(bytes)];
}

function cells(counts: ObjectCounts): string[] {
  const kinds = PRUNED_KINDS.filter((kind) => counts.kinds[kind].objects > 0).map(
    (kind) => `${counts.kinds[kind].objects} ${kind} ${formatSize(counts.kinds[kind].bytes)}`,
  );
  return [...total(counts), kinds.join(', ')];
}
