/**
 * `silt inspect`: what is in a repository, a release, or one of silt's files.
 *
 * @module
 */
import type { Command } from 'commander';
import { SiltError } from '../../core/errors.ts';
import { openReadStore } from '../../store/open.ts';
import { readRange } from '../../store/read-range.ts';
import { withRetry } from '../../store/with-retry.ts';
import { listProducts } from '../../trust/unsigned-products.ts';
import { openReleases } from '../../trust/unsigned-releases.ts';
import {
  describeFile,
  describeProducts,
  describeRelease,
  type InspectedRelease,
} from '../describe-inspected.ts';
import { EXIT_DONE } from '../exit.ts';
import { REPO_TO_READ, releaseSelector, withReleaseOptions } from '../options.ts';
import type { OutputOptions } from '../output.ts';
import { type CommandSession, runCommand } from '../run-command.ts';

interface InspectCommandOptions extends OutputOptions {
  readonly repo?: string;
  readonly product?: string;
  readonly version?: string;
  readonly channel?: string;
}

const examples = `
Examples:
  silt inspect --repo ./repo
  silt inspect --repo https://updates.example.com/gateway --product gateway --channel stable
  silt inspect --repo ./repo --product gateway --version 1.4.0 --json
  silt inspect ./repo/packs/6f1ed002ab5595859014ebf0951522d9...`;

/** Adds the command to `program`. */
export function addInspect(program: Command): void {
  const command = program
    .command('inspect')
    .summary('show what is in a repository, a release or a file')
    .description(
      'Shows the products of a repository, one release of it, or a local index, pack, delta, seed\n' +
        'index, manifest or catalog.',
    )
    .argument('[FILE]', 'a file of silt; what it is is told by its first bytes')
    .option('--repo <location>', REPO_TO_READ)
    .option('--product <name>', 'show a release of this product');
  withReleaseOptions(command)
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
  const { repo, product } = options;
  if ((path === undefined) === (repo === undefined)) {
    throw new SiltError('USAGE', 'expected either a file or --repo');
  }
  if (product === undefined && (options.version ?? options.channel) !== undefined) {
    throw new SiltError('USAGE', 'expected --product with --version and --channel');
  }
  // Loaded when needed, for a device that fetches should not hold a publisher in memory.
  if (repo === undefined) {
    const { inspectFile } = await import('../inspect-file.ts');
    const file = await inspectFile(path as string);
    output.result(file, () => describeFile(file));
    return EXIT_DONE;
  }
  await using stack = new AsyncDisposableStack();
  const store = withRetry(await openReadStore(repo, { env: process.env }));
  stack.defer(() => store.close());
  if (product === undefined) {
    const products = await listProducts(store, { signal });
    output.result({ products }, () => describeProducts(products));
    return EXIT_DONE;
  }
  const { readIndexHead } = await import('../../publisher/known-chunks.ts');
  const { summariseIndex } = await import('../../publisher/index-summary.ts');
  const manifest = await openReleases(store).find(product, releaseSelector(options), { signal });
  const images: InspectedRelease['images'][number][] = [];
  for (const image of manifest.images) {
    const head = await readIndexHead(store, image, signal);
    const summary = await summariseIndex(head, image.index.head.size, (offset, length) =>
      readRange(store, `indexes/${image.index.sha256}`, { offset, length }, { signal }),
    );
    images.push({ name: image.name, ...summary, deltas: image.deltas ?? [] });
  }
  const { version, counter, created } = manifest;
  const release: InspectedRelease = { product, version, counter, created, images };
  output.result(release, () => describeRelease(release));
  return EXIT_DONE;
}
