/**
 * `silt fetch`: an image of a release onto this machine, from what is here and as few bytes as possible.
 *
 * @module
 */
import type { Command } from 'commander';
import { formatSize, parseSize } from '../../core/sizes.ts';
import { fetchImage } from '../../fetcher/fetch.ts';
import type { FetchProgress, FetchReport } from '../../fetcher/fetch-report.ts';
import { openReadStore } from '../../store/open.ts';
import { openReleases } from '../../trust/unsigned-releases.ts';
import { alignRows } from '../align-rows.ts';
import { EXIT_DONE, EXIT_NOTHING_TO_DO } from '../exit.ts';
import {
  type CommonOptions,
  collect,
  defaultStateDirectory,
  parseCount,
  REPO_TO_READ,
  releaseSelector,
  withDetailedExitCode,
  withOutputOptions,
  withReleaseOptions,
} from '../options.ts';
import { type CommandSession, peakMemory, runCommand } from '../run-command.ts';

interface FetchCommandOptions extends CommonOptions {
  readonly product: string;
  readonly version?: string;
  readonly channel?: string;
  readonly image?: string;
  readonly output: string;
  readonly seed?: readonly string[];
  readonly inPlace?: boolean;
  /** False with --no-delta. */
  readonly delta: boolean;
  readonly maxBytes?: number;
  readonly maxRequests?: number;
  readonly dryRun?: boolean;
  readonly state?: string;
  readonly parallel?: number;
  readonly timeout?: number;
  readonly detailedExitcode?: boolean;
}

const examples = `
Examples:
  silt fetch --repo https://updates.example.com/gateway --product gateway --output rootfs.ext4
  silt fetch --repo https://updates.example.com/gateway --product gateway --channel stable \\
      --image rootfs --seed /dev/mmcblk0p2 --output /dev/mmcblk0p3
  silt fetch --repo ./repo --product gateway --version 1.5.0 --seed old.ext4 --output new.ext4 --dry-run
  silt fetch --repo ./repo --product gateway --seed old.ext4 --output new.ext4 --max-bytes 20MiB --json`;

const INTERRUPTED = 'interrupted; what was fetched is kept. Run the same command again to resume';

/** Adds the command to `program`. */
export function addFetch(program: Command): void {
  const command = program
    .command('fetch')
    .summary('rebuild an image of a release on this machine')
    .description(
      'Rebuilds an image of a release from seeds, and fetches only what they do not hold.\n' +
        'A file takes its name when it is complete and verified; a block device is written in place.',
    )
    .requiredOption('--repo <location>', REPO_TO_READ)
    .requiredOption('--product <name>', 'the product');
  withReleaseOptions(command)
    .option('--image <name>', 'the image; may be left out when the release has one')
    .requiredOption('--output <path>', 'where to write: a file, or a block device that nothing boots from')
    .option('--seed <path>', 'a file or block device that may hold some of it; several times', collect)
    .option('--no-delta', 'take chunks only, even where a delta fits a seed')
    .option('--in-place', 'write into an existing file as into a block device')
    .option('--max-bytes <size>', 'fail with 17 rather than fetch more than this', parseSize)
    .option('--max-requests <n>', 'fail with 17 rather than make more', parseCount('--max-requests', 1))
    .option('--dry-run', 'plan and count, but write nothing')
    .option('--state <directory>', 'where indexes of installed images are kept for the next update')
    .option('--parallel <n>', 'requests at once; by default 4', parseCount('--parallel', 1, 64))
    .option('--timeout <seconds>', 'longest wait for a server; by default 30', parseCount('--timeout', 1));
  withDetailedExitCode(withOutputOptions(command), 'the target already held the image')
    .addHelpText('after', examples)
    .action((options: FetchCommandOptions) =>
      runCommand(options, INTERRUPTED, (session) => fetchCommand(options, session)),
    );
}

async function fetchCommand(
  options: FetchCommandOptions,
  { output, signal }: CommandSession,
): Promise<number> {
  const wait = options.timeout === undefined ? undefined : options.timeout * 1000;
  await using stack = new AsyncDisposableStack();
  const store = await openReadStore(options.repo, {
    env: process.env,
    ...(wait !== undefined && { http: { headersTimeoutMs: wait, bodyTimeoutMs: wait } }),
  });
  stack.defer(() => store.close());
  const report = await fetchImage(store, openReleases, {
    product: options.product,
    selector: releaseSelector(options),
    image: options.image,
    output: options.output,
    seeds: options.seed,
    delta: options.delta,
    inPlace: options.inPlace,
    budget: { maxBytes: options.maxBytes, maxRequests: options.maxRequests },
    dryRun: options.dryRun,
    stateDirectory: options.state ?? defaultStateDirectory(process.env),
    parallel: options.parallel,
    signal,
    onProgress: (progress) =>
      output.progress.show({
        label: progress.phase,
        done: progress.bytesDone,
        total: progress.bytesTotal,
        note: fetched(progress),
      }),
  });
  const result = { ...report, peakMemory: peakMemory() };
  output.result(result, () => describe(result, options.output));
  return report.upToDate && options.detailedExitcode ? EXIT_NOTHING_TO_DO : EXIT_DONE;
}

function fetched({ bytesFetched, bytesToFetch }: FetchProgress): string {
  const all = bytesToFetch === undefined ? '' : ` of ${formatSize(bytesToFetch)}`;
  return `fetched ${formatSize(bytesFetched)}${all}`;
}

function describe(report: FetchReport & { readonly peakMemory: number }, path: string): string[] {
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
      ...local.map(([place, bytes]) => [`  ${place}`, formatSize(bytes)]),
      ...(windows.repaired > 0 ? [['  repaired', `${windows.repaired} windows whose seed had changed`]] : []),
      ...(report.deltaProblem === undefined ? [] : [['  no delta', report.deltaProblem]]),
      ['  took', `${report.seconds.toFixed(1)} s, ${formatSize(report.peakMemory)} of memory`],
    ]),
  ];
}
