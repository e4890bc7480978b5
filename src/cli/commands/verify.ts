/**
 * `silt verify`: a file or device against a release, or every object of a repository.
 *
 * @module
 */
import type { Command } from 'commander';
import { SiltError } from '../../core/errors.ts';
import { formatSize } from '../../core/sizes.ts';
import { type VerifyReport, verifyImage } from '../../fetcher/verify-image.ts';
import type { SampleSize } from '../../publisher/choose-sample.ts';
import {
  PARALLEL_CHECKS,
  type ReportedDamage,
  type RepositoryReport,
} from '../../publisher/repository-report.ts';
import { alignRows } from '../align-rows.ts';
import { EXIT_DAMAGED, EXIT_DONE } from '../exit.ts';
import {
  type OpenedRepository,
  openRepository,
  type RepositoryFlags,
  withRepositoryOptions,
  withRepoToRead,
} from '../open-repository.ts';
import { parseCount, releaseSelector, withOutputOptions, withReleaseOptions } from '../options.ts';
import type { OutputOptions } from '../output.ts';
import { type CommandSession, runCommand } from '../run-command.ts';

interface VerifyCommandOptions extends OutputOptions, RepositoryFlags {
  readonly product?: string;
  readonly version?: string;
  readonly channel?: string;
  readonly image?: string;
  readonly sample?: SampleSize;
  readonly sampleSeed?: string;
  readonly parallel?: number;
}

const examples = `
Examples:
  silt verify /dev/mmcblk0p3 --repo https://updates.example.com/gateway --root root.json \\
      --product gateway --version 1.5.0
  silt verify new.ext4 --repo ./repo --insecure --product gateway --image rootfs --json
  silt verify --repo ./repo --root root.json
  silt verify --repo s3://updates/gateway --root root.json --quiet --parallel 16 || echo damaged
  silt verify --repo s3://updates/gateway --root root.json --sample 5% --sample-seed "$(date +%F)"`;

/** Each may hold an object of 64 MiB. */
const MOST_PARALLEL = 64;

/** Bad places shown to people; --json has all of them. */
const SHOWN = 20;
const SHOWN_RELEASES = 5;

/** Adds the command to `program`. */
export function addVerify(program: Command): void {
  const command = program
    .command('verify')
    .summary('check a file or device, or a whole repository')
    .description(
      'With a path: checks a file or block device against a release and lists the windows that differ; ' +
        'exits with 16 when there are any. Without: checks the objects of the repository, lists those that are ' +
        'missing, truncated, altered or foreign with the releases that need them, and exits with 16 when there are any.',
    )
    .argument('[PATH]', 'a file or block device that should hold an image')
    .option('--product <name>', 'the product, with PATH');
  withReleaseOptions(withRepoToRead(command)).option(
    '--image <name>',
    'the image; may be left out when the release has one',
  );
  command
    .option(
      '--sample <n|n%>',
      'without PATH: read only so many objects whole, and look for the rest',
      parseSample,
    )
    .option('--sample-seed <text>', 'which ones; the same text takes the same ones. By default chance')
    .option(
      '--parallel <n>',
      `without PATH: objects checked at a time; by default ${PARALLEL_CHECKS}`,
      parseCount('--parallel', 1, MOST_PARALLEL),
    );
  withRepositoryOptions(command);
  withOutputOptions(command)
    .addHelpText('after', examples)
    .action((path: string | undefined, options: VerifyCommandOptions) =>
      runCommand(options, 'interrupted', (session) => verifyCommand(path, options, session)),
    );
}

async function verifyCommand(
  path: string | undefined,
  options: VerifyCommandOptions,
  session: CommandSession,
): Promise<number> {
  const { product, version, channel, image } = options;
  if (path === undefined && (product ?? version ?? channel ?? image) !== undefined) {
    throw new SiltError('USAGE', 'expected a path with --product, --version, --channel and --image');
  }
  if (path !== undefined && (options.sample ?? options.sampleSeed ?? options.parallel) !== undefined) {
    throw new SiltError(
      'USAGE',
      '--sample, --sample-seed and --parallel are for a whole repository, without a path',
    );
  }
  if (path !== undefined && product === undefined) {
    throw new SiltError('USAGE', 'expected --product: which product should be in that file?');
  }
  await using stack = new AsyncDisposableStack();
  const opened = await openRepository(options, { output: session.output, stack, retry: true });
  if (path === undefined || product === undefined) {
    return await verifyWholeRepository(opened, options, session);
  }
  return await verifyFile(opened, { ...options, product, path }, session);
}

async function verifyFile(
  { store, trust, contentKey }: OpenedRepository,
  options: VerifyCommandOptions & { readonly product: string; readonly path: string },
  { output, signal }: CommandSession,
): Promise<number> {
  const { product, image, path } = options;
  const report = await verifyImage(store, trust.releases(store), {
    product,
    selector: releaseSelector(options),
    image,
    path,
    contentKey: contentKey(() => store),
    signal,
    onProgress: ({ bytesDone, bytesTotal }) =>
      output.progress.show({ label: 'verify', done: bytesDone, total: bytesTotal }),
  });
  output.result({ ...report, trust: trust.mode }, () => describeFile(report, path));
  return report.badWindows.length === 0 && report.extraBytes === 0 ? EXIT_DONE : EXIT_DAMAGED;
}

async function verifyWholeRepository(
  { store, trust, contentKey }: OpenedRepository,
  { sample, sampleSeed, parallel }: VerifyCommandOptions,
  { output, signal }: CommandSession,
): Promise<number> {
  const products = await trust.products(store, { signal });
  const names = products.flatMap(({ product, releases }) =>
    releases.map(({ version }) => ({ product, version })),
  );
  // Loaded when needed, for a device that fetches should not hold a publisher in memory.
  const { verifyRepository } = await import('../../publisher/verify-repository.ts');
  const report = await verifyRepository(store, trust.releases(store), names, {
    contentKey: contentKey(() => store),
    sample,
    sampleSeed,
    parallel,
    signal,
    onProgress: (done, total) => output.progress.show({ label: 'verify', done, total, unit: 'objects' }),
  });
  output.result({ ...report, trust: trust.mode }, () => describeRepository(report));
  return report.damaged.length === 0 ? EXIT_DONE : EXIT_DAMAGED;
}

function describeFile(report: VerifyReport, path: string): string[] {
  const name = `${report.product} ${report.version} ${report.image}`;
  const { badWindows: bad, extraBytes } = report;
  if (bad.length === 0 && extraBytes === 0) return [`${path} is ${name}: ${report.windows} windows verified`];
  return [
    `${path} is not ${name}: ${bad.length} of ${report.windows} windows differ`,
    ...alignRows(bad.slice(0, SHOWN).map(({ offset, length }) => [`  at ${offset}`, formatSize(length)])),
    ...more(bad.length),
    ...(extraBytes > 0 ? [`  ${extraBytes} bytes follow that do not belong to it`] : []),
  ];
}

function more(count: number): string[] {
  return count > SHOWN ? [`  and ${count - SHOWN} more; --json lists all of them`] : [];
}

function describeDamage({ key, problem, message, releases }: ReportedDamage): string[] {
  const shown = releases.slice(0, SHOWN_RELEASES).join(', ');
  const left = releases.length - SHOWN_RELEASES;
  const needed =
    releases.length === 0 ? [] : [`    needed by ${shown}${left > 0 ? ` and ${left} more` : ''}`];
  return [`  ${key}: ${problem}: ${message}`, ...needed];
}

/** @throws SiltError USAGE */
function parseSample(text: string): SampleSize {
  const match = /^(\d{1,12})(?:(\.\d{1,6})?%)?$/.exec(text);
  const value = Number((match?.[1] ?? '') + (match?.[2] ?? ''));
  const isShare = text.endsWith('%');
  if (match !== null && value > 0 && (!isShare || value <= 100)) {
    return isShare ? { share: value / 100 } : { count: value };
  }
  throw new SiltError(
    'USAGE',
    `expected --sample to be a number of objects, or a share such as 5%, found "${text}"`,
  );
}

function describeRepository(report: RepositoryReport): string[] {
  const { damaged } = report;
  return [
    damaged.length === 0
      ? `every object${report.sample === undefined ? '' : ' that was looked at'} is as it should be`
      : `${damaged.length === 1 ? '1 object is' : `${damaged.length} objects are`} missing, truncated, altered or foreign`,
    ...damaged.slice(0, SHOWN).flatMap(describeDamage),
    ...more(damaged.length),
    ...alignRows([
      [
        '  checked',
        `${report.releases} releases, ${report.indexes} indexes, ${report.packs} packs, ${report.deltas} deltas`,
      ],
      ...(report.sample
        ? [
            [
              '  sample',
              `${report.sample.objects} objects read whole; --sample-seed ${report.sample.seed} takes them again`,
            ],
          ]
        : []),
      ['  chunks', `${report.chunks} in ${formatSize(report.bytesRead)}`],
      ...(report.closed > 0
        ? [['  sealed', `${report.closed} objects by their digests only: no key to look into them was given`]]
        : []),
      ...(report.unreferenced > 0 ? [['  unused', `${report.unreferenced} objects of no release`]] : []),
      ['  took', `${report.seconds.toFixed(1)} s`],
    ]),
  ];
}
