/**
 * `silt prune`: old releases out of a repository, and what nothing refers to any more.
 *
 * @module
 */
import { type Command, Option } from 'commander';
import { SiltError } from '../../core/errors.ts';
import type { KeepRules } from '../../publisher/prune/keep-releases.ts';
import type { RepackRule } from '../../publisher/prune/repack.ts';
import { describePrune } from '../describe-prune.ts';
import { EXIT_DONE } from '../exit.ts';
import { type LedgerFlags, openPublisherTrust, withLedgerOptions } from '../ledger-options.ts';
import { openToChange } from '../open-to-change.ts';
import {
  type CommonOptions,
  collect,
  parseCount,
  REPO_TO_CHANGE,
  versionList,
  withOutputOptions,
} from '../options.ts';
import { parseGrace } from '../parse-grace.ts';
import { type LockFlags, withLockOption } from '../put-flags.ts';
import { type CommandSession, peakMemory, runCommand } from '../run-command.ts';
import { openContentKeys, type SealFlags, withSealOptions } from '../seal-options.ts';
import { warnWhenInsecure } from '../trust-options.ts';

interface PruneCommandOptions extends CommonOptions, LedgerFlags, SealFlags, LockFlags {
  readonly product?: string;
  readonly keepLast?: number;
  readonly keepChannel?: readonly string[];
  readonly keepVersion?: readonly string[];
  readonly grace: number;
  readonly repackBelow?: number;
  /** False for `--no-repack`. */
  readonly repack: boolean;
  readonly dryRun?: boolean;
}

/** docs/decisions/0015-pruning.md has the figures. */
const REPACK_PERCENT = 25;

const examples = `
Examples:
  silt prune --repo s3://updates/gateway --keys ./keys --keep-last 10 --dry-run
  silt prune --repo s3://updates/gateway --keys ./keys --keep-last 10 --keep-channel stable --grace 30d
  silt prune --repo ./repo --keys ./keys --product gateway --keep-last 5 --keep-version 1.4.0,2.0.0
  silt prune --repo ./repo --insecure`;

const INTERRUPTED =
  'interrupted; every release that is listed is whole. Run the same command again: it goes on';

/** Adds the command to `program`. */
export function addPrune(program: Command): void {
  const command = program
    .command('prune')
    .summary('take old releases out of a repository, and delete what nothing needs')
    .description(
      'Takes releases that no option keeps out of the metadata, so that devices are offered them no more.\n' +
        'Objects that nothing refers to are deleted by a later run, once that has been so for all of --grace,\n' +
        'and never while somebody publishes. So run it regularly, such as every night.',
    )
    .requiredOption('--repo <location>', REPO_TO_CHANGE)
    .option('--product <name>', 'take out releases of this product only; by default of all')
    .option(
      '--keep-last <n>',
      'keep the last N releases of a product; without it no release is taken out',
      parseCount('--keep-last', 1),
    )
    .option(
      '--keep-channel <name>',
      'keep all releases since that of this channel too; several times. What any channel points to is kept',
      collect,
    )
    .option('--keep-version <versions>', 'keep these too; separated by commas', versionList('--keep-version'))
    .addOption(
      new Option('--grace <time>', 'how long what was taken out can be fetched: longer than any update takes')
        .argParser(parseGrace)
        .default(parseGrace('7d'), '7d'),
    )
    .option(
      '--repack-below <percent>',
      `make packs smaller of which at most this is in use; by default ${REPACK_PERCENT}, 0 for never`,
      parsePercent,
    )
    .option('--no-repack', 'make no packs smaller, as --repack-below 0')
    .option('--dry-run', 'tell what would go, and change nothing');
  withSealOptions(command);
  withOutputOptions(withLockOption(withLedgerOptions(command)))
    .addHelpText('after', examples)
    .action((options: PruneCommandOptions) =>
      runCommand(options, INTERRUPTED, (session) => pruneCommand(options, session)),
    );
}

async function pruneCommand(
  options: PruneCommandOptions,
  { output, signal }: CommandSession,
): Promise<number> {
  const { product, grace, dryRun } = options;
  const keep = keepRules(options);
  const contentKeys = await openContentKeys(options);
  const trust = await openPublisherTrust(options, process.env);
  warnWhenInsecure(output, trust.mode);
  await using stack = new AsyncDisposableStack();
  // Without conditional writes a prune and a publisher would not see each other.
  const use = dryRun === true ? 'read' : 'change';
  const store = await openToChange(options.repo, options, { use, stack, signal, env: process.env });
  const { prune } = await import('../../publisher/prune/prune.ts');
  const report = await prune(store, trust.ledger(store), {
    product,
    keep,
    graceMs: grace,
    repack: repackRule(options),
    dryRun,
    contentKey: contentKeys?.(store),
    signal,
    onProgress: ({ phase, done }) =>
      // How many there are, a listing does not say ahead.
      output.progress.show({ label: phase, done, total: done, unit: 'objects' }),
  });
  const staged = trust.staged();
  const result = { ...report, trust: trust.mode, ...(staged && { staged }), peakMemory: peakMemory() };
  output.result(result, () => describePrune(result));
  return EXIT_DONE;
}

function repackRule({ repack, repackBelow = REPACK_PERCENT }: PruneCommandOptions): RepackRule | undefined {
  return repack && repackBelow > 0 ? { below: repackBelow / 100 } : undefined;
}

/** @throws SiltError USAGE */
function parsePercent(text: string): number {
  const percent = /^\d{1,2}(\.\d{1,3})?%?$/.test(text) ? Number.parseFloat(text) : Number.NaN;
  if (percent >= 0 && percent < 100) return percent;
  throw new SiltError('USAGE', `expected --repack-below to be a share from 0 to 99 percent, found "${text}"`);
}

/** @throws SiltError USAGE */
function keepRules(options: PruneCommandOptions): KeepRules | undefined {
  const { keepLast, keepChannel = [], keepVersion = [], unsigned, product } = options;
  if (keepLast === undefined && (keepChannel.length > 0 || keepVersion.length > 0)) {
    throw new SiltError(
      'USAGE',
      'expected --keep-last N with --keep-channel and --keep-version: without it every release is kept',
    );
  }
  if (unsigned !== undefined && (keepLast === undefined || product === undefined)) {
    throw new SiltError(
      'USAGE',
      'expected --product and --keep-last with --unsigned: a stage is the change of one product',
    );
  }
  return keepLast === undefined
    ? undefined
    : { last: keepLast, channels: keepChannel, versions: keepVersion };
}
