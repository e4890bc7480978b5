/**
 * `silt publish`: images into a repository, as a release.
 *
 * @module
 */
import { type Command, Option } from 'commander';
import { chunkerNames, chunkerSpec } from '../../chunker/chunker.ts';
import { SiltError } from '../../core/errors.ts';
import { formatSize, parseSize } from '../../core/sizes.ts';
import type { Entropy } from '../../delta/window-encoder.ts';
import { parseCompression } from '../../format/compression.ts';
import { MAX_IMAGE_DELTAS } from '../../format/limits.ts';
import type { ImageSource, PublishOptions } from '../../publisher/publish.ts';
import type { OpenContentKey } from '../../trust/seal/content-key.ts';
import { costsOf, pricesFor, withPricesOption, writeCosts } from '../cost-report.ts';
import { describeCosts } from '../describe-costs.ts';
import { describePublish } from '../describe-publish.ts';
import { EXIT_DONE, EXIT_NOTHING_TO_DO } from '../exit.ts';
import { type ImageArgument, imageArguments, parseNamed } from '../image-arguments.ts';
import { type JobFlags, jobOptions, withJobOptions } from '../job-options.ts';
import { type LedgerFlags, openPublisherTrust, withLedgerOptions } from '../ledger-options.ts';
import { openToChange } from '../open-to-change.ts';
import {
  type CommonOptions,
  collect,
  entropyOption,
  parseCount,
  REPO_TO_WRITE,
  versionList,
  withDetailedExitCode,
  withOutputOptions,
} from '../options.ts';
import { type PutFlags, withPutOptions } from '../put-flags.ts';
import { type ReleaseRuleFlags, releaseRules, withReleaseRules } from '../release-rules.ts';
import { type CommandSession, peakMemory, runCommand } from '../run-command.ts';
import { spoolInput } from '../spool-stdin.ts';
import { warnWhenInsecure } from '../trust-options.ts';

interface PublishCommandOptions extends CommonOptions, LedgerFlags, ReleaseRuleFlags, PutFlags, JobFlags {
  readonly product: string;
  readonly version: string;
  readonly image?: readonly string[];
  readonly channel?: string;
  readonly chunkSize?: number;
  readonly chunker?: string;
  readonly compression?: string;
  readonly base?: readonly string[];
  readonly bases?: number;
  readonly baseImage?: readonly string[];
  readonly memory?: number;
  readonly deltaEntropy?: Entropy;
  readonly workers?: number;
  readonly created?: string;
  readonly detailedExitcode?: boolean;
  readonly report?: string | true;
  readonly prices?: string;
}

const examples = `
Examples:
  silt publish rootfs.ext4 --repo ./repo --keys ./keys --product gateway --version 1.4.0
  silt publish --image rootfs=build/rootfs.ext4 --image kernel=build/Image --keys ./keys \\
      --repo s3://updates/gateway --product gateway --version 1.4.0 --channel canary --hardware gw2:eu,us
  silt publish rootfs.ext4 --repo ./repo --root root.json --product gateway --version 1.5.0 --bases 2 \\
      --unsigned 1.5.0.stage
  silt publish rootfs.ext4 --repo ./repo --keys ./keys --product gateway --version 1.5.0 \\
      --seal ./seal.json --recipient gateway-1.pem --recipient gateway-2.pem
  zstd -dc rootfs.ext4.zst | silt publish --image rootfs=- --repo ./repo --insecure --product gateway \\
      --version 1.4.0
  SOURCE_DATE_EPOCH=1767225600 silt publish app.tar --repo ./repo --insecure --product app --version 7 --json`;

const INTERRUPTED =
  'interrupted; readers see nothing of this release yet. Run the same command again: what is stored already is not sent again';

/** A store that wants it slower is obeyed, for some minute. */
const ATTEMPTS = 8;

/** Adds the command to `program`. */
export function addPublish(program: Command): void {
  const command = program
    .command('publish')
    .summary('add a release to a repository')
    .description('Adds a release to a repository. Only what the repository does not hold yet is stored.')
    .argument('[IMAGE...]', 'files or block devices; each is named by its file name')
    .requiredOption('--repo <location>', REPO_TO_WRITE)
    .requiredOption('--product <name>', 'the product this is a release of')
    .requiredOption('--version <version>', 'its version; a version means one thing for ever')
    .option('--image <name=path>', 'an image with a name of its own; several times; "-" is stdin', collect)
    .option('--channel <name>', 'let this channel point to the release')
    .option('--chunk-size <size>', 'average size of chunks', parseSize)
    .addOption(new Option('--chunker <name>', 'how to cut').choices(chunkerNames).default('fastcdc-1'))
    .option('--compression <codec>', 'zstd:1 to zstd:22, brotli:0 to brotli:11, or a zstd level')
    .addOption(
      new Option(
        '--bases <n>',
        'make deltas from the last N releases, so that devices that have one fetch less',
      )
        .argParser(parseCount('--bases', 0, MAX_IMAGE_DELTAS))
        .conflicts('base'),
    )
    .option(
      '--base <versions>',
      'make deltas from these releases; separated by commas',
      versionList('--base'),
    )
    .option(
      '--base-image <name=path>',
      'a local copy of an image of a base release, which is otherwise rebuilt from the repository; several times',
      collect,
    )
    .option(
      '--memory <size>',
      'bound for what finding matches for a delta takes; a small one may make it larger',
      parseSize,
    )
    .addOption(entropyOption('--delta-entropy'))
    .option(
      '--workers <n>',
      'threads; by default one a processor, four at most',
      parseCount('--workers', 1, 1024),
    )
    .option('--created <time>', 'time of the release, ISO 8601; by default SOURCE_DATE_EPOCH, else now');
  withJobOptions(command);
  withReleaseRules(command);
  withLedgerOptions(command);
  withPutOptions(command);
  command.option('--report [file]', 'what the release costs to store and to fetch; as JSON into a file');
  withPricesOption(command, '--report');
  withDetailedExitCode(withOutputOptions(command), 'this very release was there already')
    .addHelpText('after', examples)
    .action((paths: string[], options: PublishCommandOptions) =>
      runCommand(options, INTERRUPTED, (session) => publishCommand(paths, options, session)),
    );
}

async function publishCommand(
  paths: readonly string[],
  options: PublishCommandOptions,
  session: CommandSession,
): Promise<number> {
  const { output, signal } = session;
  const parameters = publishParameters(options);
  const priced = await pricesFor(options.prices, options.report !== undefined, '--report');
  const wanted = imageArguments(paths, options.image ?? []);
  // Loaded when needed, for a device that fetches should not hold a publisher in memory.
  const { defaultChunker, publish } = await import('../../publisher/publish.ts');
  const rules = await releaseRules(options);
  const jobs = await jobOptions(options, process.env, output);
  const trust = await openPublisherTrust(options, process.env);
  await using stack = new AsyncDisposableStack();
  const { env } = process;
  const opening = { use: 'change', create: true, attempts: ATTEMPTS, stack, signal, env } as const;
  const store = await openToChange(options.repo, options, opening);
  warnWhenInsecure(output, trust.mode);
  const images = await sources(wanted, session, stack);
  const report = await publish(store, trust.ledger(store), {
    ...parameters,
    ...rules,
    jobs,
    signManifest: trust.signManifest,
    chunker: chunkerSpec(options.chunker ?? defaultChunker.name, options.chunkSize ?? defaultChunker.average),
    images,
    signal,
    onProgress: ({ phase, about, bytesDone, bytesTotal, bytesUploaded }) =>
      output.progress.show({
        label: phase === 'images' ? 'publish' : phase,
        done: bytesDone,
        total: bytesTotal,
        note: about ?? `stored ${formatSize(bytesUploaded)}`,
      }),
  });
  if (report.knownChunksFull) {
    output.note('note: the table of known chunks was full; some chunks may have been stored twice');
  }
  const staged = trust.staged();
  if (staged !== undefined) {
    output.note(`nothing is visible yet: sign ${staged} with "silt sign", then "silt release" it`);
  }
  const costs =
    options.report === undefined
      ? undefined
      : await costsOf({
          ...{ store, priced, signal, release: report.manifest },
          releases: trust.ledger(store).all({ signal }),
          contentKey: await contentKeys(rules.sealing),
          openReleases: staged === undefined ? trust.ledger : undefined,
        });
  if (costs !== undefined && typeof options.report === 'string') await writeCosts(options.report, costs);
  const result = {
    ...{ ...report, trust: trust.mode, ...(staged && { staged }), ...(costs && { costs }) },
    peakMemory: peakMemory(),
  };
  output.result(result, () => [...describePublish(result), ...(costs ? describeCosts(costs) : [])]);
  return report.unchanged && options.detailedExitcode ? EXIT_NOTHING_TO_DO : EXIT_DONE;
}

async function contentKeys(sealing: PublishOptions['sealing']): Promise<OpenContentKey | undefined> {
  if (sealing === undefined) return undefined;
  const { masterKeys } = await import('../../trust/seal/master-secret.ts');
  return masterKeys(sealing.master);
}

function publishParameters(options: PublishCommandOptions): Omit<PublishOptions, 'images'> {
  const { product, version, channel, workers, compression, base, bases, baseImage, memory } = options;
  const { deltaEntropy } = options;
  return {
    product,
    version,
    channel,
    workers,
    bases: base === undefined ? { last: bases ?? 0 } : { versions: base },
    baseCopies: (baseImage ?? []).map((text) => parseNamed(text, '--base-image')),
    memoryBytes: memory,
    deltaEntropy,
    compression: compression === undefined ? undefined : parseCompression(compression),
    created: timeOfRelease(options.created, process.env.SOURCE_DATE_EPOCH),
  };
}

/** @throws SiltError USAGE */
function timeOfRelease(created: string | undefined, epoch: string | undefined): Date | undefined {
  if (created === undefined && !epoch) return undefined;
  const isSeconds = /^\d{1,12}$/.test(epoch ?? '');
  const time = created !== undefined ? new Date(created) : new Date(isSeconds ? Number(epoch) * 1000 : NaN);
  if (!Number.isNaN(time.getTime())) return time;
  throw new SiltError(
    'USAGE',
    created !== undefined
      ? `expected --created to be a time such as 2026-01-31T12:00:00Z, found "${created}"`
      : `expected SOURCE_DATE_EPOCH to be seconds since 1970, found "${epoch}"`,
  );
}

/** The images as files; standard input becomes one. */
async function sources(
  wanted: readonly ImageArgument[],
  { output, signal }: CommandSession,
  stack: AsyncDisposableStack,
): Promise<ImageSource[]> {
  const images: ImageSource[] = [];
  for (const { name, path } of wanted) {
    if (path !== '-') {
      images.push({ name, path });
      continue;
    }
    const spooled = stack.use(
      await spoolInput(process.stdin, signal, (bytes) =>
        output.progress.show({ label: 'stdin', done: bytes, total: bytes }),
      ),
    );
    output.note(
      `${name}: read ${formatSize(spooled.size)} from stdin into a temporary file, removed at the end`,
    );
    images.push({ name, path: spooled.path });
  }
  return images;
}
