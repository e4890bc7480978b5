/**
 * `silt inspect`: what is in a repository, a release, or one of silt's files.
 *
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { SiltError } from '../../core/errors.ts';
import { inOrder } from '../../core/in-order.ts';
import type { Manifest } from '../../format/manifest.ts';
import type { ReadStore } from '../../store/store.ts';
import { type CostRequest, costsOf, pricesFor, withPricesOption } from '../cost-report.ts';
import { type DescribedCosts, describeCosts } from '../describe-costs.ts';
import {
  describeFile,
  describeProducts,
  describeRelease,
  type InspectedRelease,
} from '../describe-inspected.ts';
import { EXIT_DONE } from '../exit.ts';
import {
  openRepository,
  type RepositoryFlags,
  repositoriesOf,
  withRepositoryOptions,
  withRepoToRead,
} from '../open-repository.ts';
import { openTrust, type Trust } from '../open-trust.ts';
import { releaseSelector, withReleaseOptions } from '../options.ts';
import type { OutputOptions } from '../output.ts';
import { type CommandSession, runCommand } from '../run-command.ts';
import { trustPolicy } from '../trust-options.ts';

interface InspectCommandOptions extends OutputOptions, RepositoryFlags {
  readonly product?: string;
  readonly version?: string;
  readonly channel?: string;
  readonly costs?: boolean;
  readonly prices?: string;
}

/** Read side by side, of a repository that may have hundreds. */
const MANIFESTS_AT_ONCE = 8;

const examples = `
Examples:
  silt inspect --repo ./repo --root root.json
  silt inspect --repo https://updates.example.com/gateway --root root.json --product gateway \\
      --channel stable
  silt inspect --repo ./repo --insecure --product gateway --version 1.4.0 --json
  silt inspect --repo ./repo --root root.json --product gateway --costs --prices prices.yaml
  silt inspect ./repo/packs/6f1ed002ab5595859014ebf0951522d9...`;

/** Adds the command to `program`. */
export function addInspect(program: Command): void {
  const command = program
    .command('inspect')
    .summary('show what is in a repository, a release or a file')
    .description(
      'Shows the products of a repository, one release of it, or a local index, pack, delta, seed ' +
        'index, manifest, catalog or signed metadata.',
    )
    .argument('[FILE]', 'a file of silt; what it is is told by its first bytes')
    .option('--product <name>', 'show a release of this product');
  withReleaseOptions(withRepoToRead(command));
  withRepositoryOptions(command);
  command.option('--costs', 'what the release costs to store and to fetch, by the release a device has');
  withPricesOption(command, '--costs');
  command
    .option('--json', 'print one JSON document on stdout; errors as one on stderr')
    .addHelpText('after', examples)
    .action((path: string | undefined, options: InspectCommandOptions) =>
      runCommand(options, 'interrupted', (session) => inspectCommand(path, options, session)),
    );
}

async function inspectCommand(
  path: string | undefined,
  options: InspectCommandOptions,
  { output, signal }: CommandSession,
): Promise<number> {
  const { product } = options;
  const isNothing = path === undefined && repositoriesOf(options, process.env).length === 0;
  if (isNothing || (path !== undefined && options.repo !== undefined)) {
    throw new SiltError('USAGE', 'expected either a file or --repo');
  }
  if (product === undefined && (options.version ?? options.channel) !== undefined) {
    throw new SiltError('USAGE', 'expected --product with --version and --channel');
  }
  if (product === undefined && options.costs === true) {
    throw new SiltError('USAGE', 'expected --product with --costs');
  }
  const priced = await pricesFor(options.prices, options.costs === true, '--costs');
  // Loaded when needed, for a device that fetches should not hold a publisher in memory.
  if (path !== undefined) {
    const { inspectFile } = await import('../inspect-file.ts');
    const file = await inspectFile(path);
    output.result(file, () => describeFile(file));
    return EXIT_DONE;
  }
  await using stack = new AsyncDisposableStack();
  const { store, trust, contentKey } = await openRepository(options, {
    output,
    stack,
    retry: true,
  });
  if (product === undefined) {
    const products = await trust.products(store, { signal });
    output.result({ products, trust: trust.mode }, () => describeProducts(products));
    return EXIT_DONE;
  }
  const { summariseImage } = await import('../../publisher/index-summary.ts');
  const { contentKeyFor } = await import('../../trust/seal/content-key.ts');
  const found = await trust.releases(store).open(product, releaseSelector(options), { signal });
  const { manifest, allowDowngradeFrom } = found;
  const keys = contentKey(() => store);
  const key = await contentKeyFor(manifest, keys);
  const images: InspectedRelease['images'][number][] = [];
  for (const image of manifest.images) {
    const summary = await summariseImage(store, image, key, signal);
    images.push({ name: image.name, ...summary, deltas: image.deltas ?? [] });
  }
  const { version, counter, created, hardware, requires, sealing: sealed } = manifest;
  const release: InspectedRelease = {
    ...{ product, version, counter, created },
    ...(hardware && { hardware }),
    ...(requires && { requires }),
    allowDowngradeFrom,
    ...(sealed && { sealing: sealed }),
    images,
  };
  const costs =
    options.costs === true
      ? await releaseCosts(manifest, options, { store, trust, contentKey: keys, priced, signal })
      : undefined;
  const result = { ...release, ...(costs && { costs }), trust: trust.mode };
  output.result(result, () => [...describeRelease(release), ...(costs ? describeCosts(costs) : [])]);
  return EXIT_DONE;
}

interface CostSources extends Pick<CostRequest<ReadStore>, 'store' | 'contentKey' | 'priced'> {
  readonly trust: Trust;
  readonly signal: AbortSignal;
}

async function releaseCosts(
  release: Manifest,
  options: InspectCommandOptions,
  { trust, ...sources }: CostSources,
): Promise<DescribedCosts> {
  const { store, signal } = sources;
  await using stack = new AsyncDisposableStack();
  const nothing = await mkdtemp(join(tmpdir(), 'silt-inspect-'));
  stack.defer(() => rm(nothing, { recursive: true, force: true }));
  const policy = trustPolicy(options, process.env);
  const fresh = await openTrust(policy, { stateDirectory: nothing, forget: true });
  const all = async function* (): AsyncGenerator<Manifest> {
    const found = trust.releases(store);
    const listed = (await trust.products(store, { signal })).flatMap(({ product, releases }) =>
      releases.map(({ version }) => ({ product, version })),
    );
    yield* inOrder(listed, MANIFESTS_AT_ONCE, ({ product, version }) =>
      found.find(product, { version }, { signal, recent: true }),
    );
  };
  return await costsOf({ ...sources, release, releases: all(), openReleases: fresh.releases });
}
