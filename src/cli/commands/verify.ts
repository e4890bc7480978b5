/**
 * `silt verify`: a file or device against a release, or every object of a repository.
 *
 * @module
 */
import type { Command } from 'commander';
import { SiltError } from '../../core/errors.ts';
import { formatSize } from '../../core/sizes.ts';
import { type VerifyReport, verifyImage } from '../../fetcher/verify-image.ts';
import type { RepositoryReport } from '../../publisher/verify-repository.ts';
import { alignRows } from '../align-rows.ts';
import { EXIT_DAMAGED, EXIT_DONE, EXIT_FAILED } from '../exit.ts';
import {
  type OpenedRepository,
  openRepository,
  type RepositoryFlags,
  withRepositoryOptions,
} from '../open-repository.ts';
import {
  type CommonOptions,
  REPO_TO_READ,
  releaseSelector,
  withOutputOptions,
  withReleaseOptions,
} from '../options.ts';
import { type CommandSession, runCommand } from '../run-command.ts';

interface VerifyCommandOptions extends CommonOptions, RepositoryFlags {
  readonly product?: string;
  readonly version?: string;
  readonly channel?: string;
  readonly image?: string;
}

const examples = `
Examples:
  silt verify /dev/mmcblk0p3 --repo https://updates.example.com/gateway --root root.json \\
      --product gateway --version 1.5.0
  silt verify new.ext4 --repo ./repo --insecure --product gateway --image rootfs --json
  silt verify --repo ./repo --root root.json
  silt verify --repo s3://updates/gateway --root root.json --quiet || echo damaged`;

/** Bad places shown to people; --json has all of them. */
const SHOWN = 20;

/** Adds the command to `program`. */
export function addVerify(program: Command): void {
  const command = program
    .command('verify')
    .summary('check a file or device, or a whole repository')
    .description(
      'With a path: checks a file or block device against a release and lists the windows that differ;\n' +
        'exits with 16 when there are any. Without: checks every object of the repository; exits with 1\n' +
        'when one is damaged.',
    )
    .argument('[PATH]', 'a file or block device that should hold an image')
    .requiredOption('--repo <location>', REPO_TO_READ)
    .option('--product <name>', 'the product, with PATH');
  withReleaseOptions(command).option('--image <name>', 'the image; may be left out when the release has one');
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
  if (path !== undefined && product === undefined) {
    throw new SiltError('USAGE', 'expected --product: which product should be in that file?');
  }
  await using stack = new AsyncDisposableStack();
  const opened = await openRepository(options.repo, options, { output: session.output, stack, retry: true });
  if (path === undefined || product === undefined) return await verifyWholeRepository(opened, session);
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
    signal,
    onProgress: (done, total) => output.progress.show({ label: 'verify', done, total, unit: 'objects' }),
  });
  output.result({ ...report, trust: trust.mode }, () => describeRepository(report));
  return report.damaged.length === 0 ? EXIT_DONE : EXIT_FAILED;
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

function describeRepository(report: RepositoryReport): string[] {
  const { damaged } = report;
  return [
    damaged.length === 0
      ? 'every object is as it should be'
      : `${damaged.length} objects are damaged or missing`,
    ...damaged.slice(0, SHOWN).map(({ key, code, message }) => `  ${key}: ${code}: ${message}`),
    ...more(damaged.length),
    ...alignRows([
      [
        '  checked',
        `${report.releases} releases, ${report.indexes} indexes, ${report.packs} packs, ${report.deltas} deltas`,
      ],
      ['  chunks', `${report.chunks} in ${formatSize(report.bytesRead)}`],
      ...(report.closed > 0
        ? [['  sealed', `${report.closed} objects by their digests only: no key to look into them was given`]]
        : []),
      ...(report.unreferenced > 0 ? [['  unused', `${report.unreferenced} objects of no release`]] : []),
      ['  took', `${report.seconds.toFixed(1)} s`],
    ]),
  ];
}
