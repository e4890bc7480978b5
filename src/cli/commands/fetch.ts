/**
 * `silt fetch`: an image of a release onto this machine, from what is here and as few bytes as possible.
 *
 * @module
 */
import type { Command } from 'commander';
import { formatSize, parseSize } from '../../core/sizes.ts';
import { fetchImage } from '../../fetcher/fetch.ts';
import type { FetchProgress } from '../../fetcher/fetch-report.ts';
import type { MetadataReader, Releases } from '../../trust/releases.ts';
import { describeFetch } from '../describe-fetch.ts';
import { type DeviceFlags, deviceCheck, withDeviceOptions } from '../device-options.ts';
import { EXIT_DONE, EXIT_NOTHING_TO_DO } from '../exit.ts';
import {
  openRepository,
  type RepositoryFlags,
  withRepositoryOptions,
  withRepoToRead,
} from '../open-repository.ts';
import {
  collect,
  parseCount,
  releaseSelector,
  withDetailedExitCode,
  withOutputOptions,
  withReleaseOptions,
} from '../options.ts';
import type { OutputOptions } from '../output.ts';
import { type CommandSession, peakMemory, runCommand } from '../run-command.ts';

interface FetchCommandOptions extends OutputOptions, RepositoryFlags, DeviceFlags {
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
  readonly parallel?: number;
  readonly timeout?: number;
  readonly detailedExitcode?: boolean;
}

const examples = `
Examples:
  silt fetch --repo https://updates.example.com/gateway --root root.json --product gateway --output new.ext4
  silt fetch --repo https://updates.example.com/gateway --root /etc/silt/root.json --product gateway \\
      --channel stable --image rootfs --hardware gw2 --seed /dev/mmcblk0p2 --output /dev/mmcblk0p3
  silt fetch --repo https://updates.example.com/gateway --trust x509 --anchors /etc/silt/ca.pem \\
      --tls-cert device.pem --tls-key device.key --product gateway --output rootfs.ext4
  silt fetch --repo ./repo --insecure --product gateway --seed old.ext4 --output new.ext4 --dry-run
  SILT_ROOT=root.json silt fetch --repo ./repo --product gateway --output new.ext4 --max-bytes 20MiB --json`;

const INTERRUPTED = 'interrupted; what was fetched is kept. Run the same command again to resume';

/** Adds the command to `program`. */
export function addFetch(program: Command): void {
  const command = program
    .command('fetch')
    .summary('rebuild an image of a release on this machine')
    .description(
      'Rebuilds an image of a release from seeds, and fetches only what they do not hold. ' +
        'A file takes its name when it is complete and verified; a block device is written in place.',
    )
    .requiredOption('--product <name>', 'the product');
  withReleaseOptions(withRepoToRead(command))
    .option('--image <name>', 'the image; may be left out when the release has one')
    .requiredOption('--output <path>', 'where to write: a file, or a block device that nothing boots from')
    .option('--seed <path>', 'a file or block device that may hold some of it; several times', collect)
    .option('--no-delta', 'take chunks only, even where a delta fits a seed')
    .option('--in-place', 'write into an existing file as into a block device')
    .option('--max-bytes <size>', 'fail with 17 rather than fetch more than this', parseSize)
    .option('--max-requests <n>', 'fail with 17 rather than make more', parseCount('--max-requests', 1))
    .option('--dry-run', 'plan and count, but write nothing')
    .option('--parallel <n>', 'requests at once; by default 4', parseCount('--parallel', 1, 64))
    .option('--timeout <seconds>', 'longest wait for a server; by default 30', parseCount('--timeout', 1));
  withRepositoryOptions(withDeviceOptions(command));
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
  const { store, mirrors, trust, contentKey, stateDirectory } = await openRepository(options, {
    output,
    stack,
    waitMs: wait,
    forget: options.dryRun,
  });
  const check = await deviceCheck(options, stateDirectory, options.product);
  // Envelopes of keys are read through the store that counts, as metadata is.
  let counted: MetadataReader = store;
  const openReleases = (within: MetadataReader): Releases => {
    counted = within;
    return trust.releases(within);
  };
  const report = await fetchImage(store, openReleases, {
    product: options.product,
    selector: releaseSelector(options),
    image: options.image,
    check,
    contentKey: contentKey(() => counted),
    output: options.output,
    seeds: options.seed,
    delta: options.delta,
    inPlace: options.inPlace,
    budget: { maxBytes: options.maxBytes, maxRequests: options.maxRequests },
    dryRun: options.dryRun,
    stateDirectory,
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
  const used = mirrors();
  const result = {
    ...report,
    ...(used && { mirrors: used }),
    trust: trust.mode,
    peakMemory: peakMemory(),
  };
  output.result(result, () => describeFetch(result, options.output));
  return report.upToDate && options.detailedExitcode ? EXIT_NOTHING_TO_DO : EXIT_DONE;
}

function fetched({ bytesFetched, bytesToFetch }: FetchProgress): string {
  const all = bytesToFetch === undefined ? '' : ` of ${formatSize(bytesToFetch)}`;
  return `fetched ${formatSize(bytesFetched)}${all}`;
}
