/**
 * What `silt delta` did or found, in lines for people.
 *
 * @module
 */
import { formatSize } from '../core/sizes.ts';
import type { ApplyReport } from '../differ/apply-delta.ts';
import type { DiffReport } from '../differ/delta.ts';
import type { DeltaSummary, WindowKinds, WindowSummary } from '../differ/describe-delta.ts';
import { alignRows } from './align-rows.ts';

type Timed<T> = T & { readonly peakMemory: number };

/** Lines about a delta that was made. */
export function describeDiff(made: Timed<DiffReport>, path: string): string[] {
  const { bytes } = made;
  return [
    `${path} is written`,
    ...alignRows([
      [
        '  size',
        `${formatSize(made.size)} (${made.size}), ${percent(made.size, made.imageSize)} of the new image`,
      ],
      ['  images', `${formatSize(made.baseSize)} to ${formatSize(made.imageSize)}`],
      ['  windows', kinds(made.windows, String)],
      ['  bytes', parts(bytes)],
      ['  took', took(made)],
    ]),
  ];
}

/** Lines about an image that was patched. */
export function describePatch(report: Timed<ApplyReport>, path: string): string[] {
  const { windows } = report;
  const speed = formatSize(Math.round(report.imageSize / Math.max(report.seconds, 0.001)));
  return [
    `${path} is complete, verified`,
    ...alignRows([
      ['  image', `${formatSize(report.imageSize)} in ${windows.total} windows: ${kinds(windows, String)}`],
      ['  sha256', report.sha256],
      ['  delta', `${formatSize(report.patchSize)}, ${percent(report.patchSize, report.imageSize)} of it`],
      ...(windows.kept > 0
        ? [['  resumed', `${formatSize(report.bytesKept)} in ${windows.kept} windows were there already`]]
        : []),
      ['  took', `${took(report)}, ${speed} a second`],
    ]),
  ];
}

/** Lines about a delta file. */
export function describeSummary(summary: DeltaSummary): string[] {
  const { size, base, target, bytes, largest, allWindows } = summary;
  const share = (part: number): string[] => [formatSize(part), percent(part, size)];
  return [
    'delta',
    ...alignRows([
      ['  size', `${formatSize(size)} (${size}), ${percent(size, target.size)} of the new image`],
      ['  old', `${formatSize(base.size)} (${base.size})`, base.sha256],
      ['  new', `${formatSize(target.size)} (${target.size})`, target.sha256],
      ['  windows', `${total(summary.windows)}: ${kinds(summary.windows, String)}`],
      ['  of the image', kinds(summary.imageBytes, formatSize)],
      ['  resumable', summary.checks ? 'yes' : 'no: windows are verified by an index'],
      ...(summary.transforms.length > 0 ? [['  transforms', summary.transforms.join(', ')]] : []),
    ]),
    'where its bytes went',
    ...alignRows(
      [
        ['  head', ...share(bytes.head)],
        ['  control', ...share(bytes.control)],
        ['  differences', ...share(bytes.difference)],
        ['  literals', ...share(bytes.literal)],
      ],
      1,
    ),
    ...windowList('largest windows', largest),
    ...windowList('all windows', allWindows ?? []),
  ];
}

function windowList(title: string, windows: readonly WindowSummary[]): string[] {
  if (windows.length === 0) return [];
  const rows = windows.map(({ offset, length, kind, from, payload }) => {
    const detail =
      payload !== undefined ? `${formatSize(payload)}` : from !== undefined ? `from ${from}` : '';
    return [`  at ${offset}`, formatSize(length), kind, detail];
  });
  return [title, ...alignRows(rows)];
}

const names: Readonly<Record<keyof WindowKinds, string>> = {
  coded: 'coded',
  copy: 'copied',
  zero: 'of zeros',
  none: 'left to chunks',
};

/** The kinds that there are, such as `12 coded, 3 copied`. */
function kinds(of: Partial<WindowKinds>, text: (value: number) => string): string {
  const present = (Object.keys(names) as (keyof WindowKinds)[]).filter((kind) => (of[kind] ?? 0) > 0);
  return present.map((kind) => `${text(of[kind] as number)} ${names[kind]}`).join(', ') || 'none';
}

function total(of: WindowKinds): number {
  return of.none + of.zero + of.copy + of.coded;
}

function parts(bytes: DeltaSummary['bytes']): string {
  const { head, control, difference, literal } = bytes;
  return [
    `head ${formatSize(head)}`,
    `control ${formatSize(control)}`,
    `differences ${formatSize(difference)}`,
    `literals ${formatSize(literal)}`,
  ].join(', ');
}

function took({ seconds, peakMemory }: { readonly seconds: number; readonly peakMemory: number }): string {
  return `${seconds.toFixed(1)} s, ${formatSize(peakMemory)} of memory`;
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '-' : `${((part / whole) * 100).toFixed(2)} %`;
}
