/**
 * `silt inspect`: what is in a repository, a release, or one of silt's files.
 *
 * @module
 */
import type { Command } from 'commander';
import { SiltError } from '../../core/errors.ts';
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
import { releaseSelector, withReleaseOptions } from '../options.ts';
import type { OutputOptions } from '../output.ts';
import { type CommandSession, runCommand } from '../run-command.ts';

interface InspectCommandOptions extends OutputOptions, RepositoryFlags {
  readonly product?: string;
  readonly version?: string;
  readonly channel?: string;
}

const examples = `
Examples:
  silt inspect --repo ./repo --root root.json
  silt inspect --repo https://updates.example.com/gateway --root root.json --product gateway \\
      --channel stable
  silt inspect --repo ./repo --insecure --product gateway --version 1.4.0 --json
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
  // Loaded when needed, for a device that fetches should not hold a publisher in memory.
  if (path !== undefined) {
    const { inspectFile } = await import('../inspect-file.ts');
    const file = await inspectFile(path);
    output.result(file, () => describeFile(file));
    return EXIT_DONE;
  }
  await using stack = new AsyncDisposableStack();
  const { store, trust, contentKey } = await openRepository(options, { output, stack, retry: true });
  if (product === undefined) {
    const products = await trust.products(store, { signal });
    output.result({ products, trust: trust.mode }, () => describeProducts(products));
    return EXIT_DONE;
  }
  const { summariseImage } = await import('../../publisher/index-summary.ts');
  const { contentKeyFor } = await import('../../trust/seal/content-key.ts');
  const found = await trust.releases(store).open(product, releaseSelector(options), { signal });
  const { manifest, allowDowngradeFrom } = found;
  const key = await contentKeyFor(
    manifest,
    contentKey(() => store),
  );
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
  output.result({ ...release, trust: trust.mode }, () => describeRelease(release));
  return EXIT_DONE;
}
