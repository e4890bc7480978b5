/**
 * What `silt inspect` found, in lines for people.
 *
 * @module
 */
import { formatSize } from '../core/sizes.ts';
import type { ChunkerParameters } from '../format/index-head.ts';
import type { Manifest, ManifestDelta } from '../format/manifest.ts';
import type { IndexSummary } from '../publisher/index-summary.ts';
import type { ProductListing } from '../trust/product-listing.ts';
import { alignRows } from './align-rows.ts';
import { describeSummary } from './describe-delta.ts';
import type { InspectedFile } from './inspect-file.ts';

/** A release with the figures of its images. */
export interface InspectedRelease {
  readonly product: string;
  readonly version: string;
  readonly counter: number;
  readonly created: string;
  readonly hardware?: Manifest['hardware'];
  readonly requires?: Manifest['requires'];
  /** Counters from which a device may go down to it. */
  readonly allowDowngradeFrom: readonly number[];
  readonly sealing?: Manifest['sealing'];
  readonly images: readonly (IndexSummary & {
    readonly name: string;
    readonly deltas: readonly ManifestDelta[];
  })[];
}

/** Lines about a file. */
export function describeFile(file: InspectedFile): string[] {
  switch (file.kind) {
    case 'index':
      return ['index', ...describeIndex(file)];
    case 'pack': {
      const codecs = Object.entries(file.codecs).map(([name, count]) => `${count} ${name}`);
      return [
        'pack',
        ...alignRows([
          ['  size', formatSize(file.size)],
          ['  frames', `${file.frames}: ${codecs.join(', ')}`],
          ['  chunks', `${file.chunks}`],
          ['  plain', formatSize(file.plainBytes)],
          ['  stored', `${formatSize(file.storedBytes)}, ${percent(file.storedBytes, file.plainBytes)}`],
        ]),
      ];
    }
    case 'delta':
      return describeSummary(file);
    case 'seed index':
      return [
        'seed index',
        ...alignRows([
          ['  of', `${formatSize(file.size)}, inode ${file.inode}`],
          ['  chunks', `${file.chunks}, ${sizesOf(file.chunker)}`],
          ['  windows', `${file.windows}`],
        ]),
      ];
    case 'remnant of a pack':
      return [
        file.kind,
        ...alignRows([
          ['  size', `${formatSize(file.size)} of ${formatSize(file.packSize)}`],
          ['  pack', file.pack],
          ['  ranges', `${file.ranges.length}`],
        ]),
      ];
    case 'sealed index':
    case 'sealed pack':
    case 'sealed delta':
      return [file.kind, ...alignRows([['  size', formatSize(file.size)]])];
    default:
      return [file.kind, JSON.stringify(file.document, undefined, 2)];
  }
}

/** Lines about a release. */
export function describeRelease(release: InspectedRelease): string[] {
  return [
    `${release.product} ${release.version} (release ${release.counter}, ${release.created})`,
    ...alignRows(describeRules(release)),
    ...release.images.flatMap((image) => [
      `image ${image.name}`,
      ...describeIndex(image),
      ...alignRows(image.deltas.map(describeDelta)),
    ]),
  ];
}

function describeRules({ hardware, requires, allowDowngradeFrom, sealing }: InspectedRelease): string[][] {
  const kinds = hardware?.map(({ name, variants }) => [name, variants?.join(',')].filter(Boolean).join(':'));
  return [
    ...(kinds === undefined ? [] : [['for', kinds.join(' ')]]),
    ...(requires?.counter === undefined ? [] : [['after', `release ${requires.counter}`]]),
    ...(requires?.silt === undefined ? [] : [['needs', `silt ${requires.silt}`]]),
    ...(allowDowngradeFrom.length === 0 ? [] : [['down from', `release ${allowDowngradeFrom.join(', ')}`]]),
    ...(sealing === undefined ? [] : [['sealed', `${sealing.cipher}, epoch ${sealing.epoch}`]]),
  ];
}

/** Lines about everything in a repository. */
export function describeProducts(products: readonly ProductListing[]): string[] {
  if (products.length === 0) return ['no releases yet'];
  return products.flatMap(({ product, channels, releases }) => [
    product,
    ...alignRows(
      releases.map(({ version, counter }) => {
        const pointing = Object.keys(channels).filter((channel) => channels[channel] === version);
        return [`  ${version}`, `release ${counter}`, pointing.join(', ')];
      }),
    ),
  ]);
}

function describeDelta({ base, size, head, sha256 }: ManifestDelta): string[] {
  return [
    '  delta',
    `${formatSize(size)}, head ${formatSize(head.size)}, ${sha256}`,
    `from ${formatSize(base.size)}, ${base.sha256}`,
  ];
}

function describeIndex(index: IndexSummary): string[] {
  const { windowing } = index;
  return alignRows([
    ['  size', `${formatSize(index.imageSize)} (${index.imageSize})`],
    ['  sha256', index.imageSha256],
    [
      '  windows',
      `${index.windows}, ${index.zeroWindows} of zeros, ${formatSize(windowing.average)} on average`,
    ],
    ['  chunks', `${index.chunks}, ${sizesOf(index.chunker)}`],
    [
      '  stored',
      `${formatSize(index.storedBytes)} (${percent(index.storedBytes, index.imageSize)}) in ${index.frames} frames of ${index.packs.length} packs`,
    ],
    [
      '  index',
      `${formatSize(index.indexBytes)}: level 1 ${formatSize(index.headBytes)}, level 2 ${formatSize(index.level2Bytes)}`,
    ],
  ]);
}

function sizesOf({ name, min, average, max }: ChunkerParameters): string {
  return `${name} of ${formatSize(min)} to ${formatSize(max)}, ${formatSize(average)} on average`;
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '-' : `${((part / whole) * 100).toFixed(1)} %`;
}
