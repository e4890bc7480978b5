/**
 * `silt channel`: lets a channel point at a release that is published already.
 *
 * @module
 */
import type { Command } from 'commander';
import { EXIT_DONE } from '../exit.ts';
import { type LedgerFlags, openPublisherTrust, withLedgerOptions } from '../ledger-options.ts';
import { openToChange } from '../open-to-change.ts';
import { type CommonOptions, REPO_TO_WRITE, withOutputOptions } from '../options.ts';
import { type LockFlags, withLockOption } from '../put-flags.ts';
import { type CommandSession, runCommand } from '../run-command.ts';
import { warnWhenInsecure } from '../trust-options.ts';

interface ChannelCommandOptions extends CommonOptions, LedgerFlags, LockFlags {
  readonly product: string;
  readonly allowDowngradeFrom?: readonly string[];
}

const examples = `
Examples:
  silt channel stable 1.4.0 --repo s3://updates/gateway --keys ./keys --product gateway
  silt channel stable 1.3.2 --repo ./repo --keys ./keys --product gateway --allow-downgrade-from 1.4.0,1.4.1
  silt channel stable 1.4.0 --repo ./repo --keys ./ci-keys --product gateway --unsigned stable.stage.json`;

const INTERRUPTED = 'interrupted; the channel points where it did, or at the new release';

/** Adds the command to `program`. */
export function addChannel(program: Command): void {
  const command = program
    .command('channel')
    .summary('point a channel at a release')
    .description(
      'Points a channel at a release that is in the repository. For a recall: devices that run one of the named ' +
        'versions may go down to this one, though its counter is lower.',
    )
    .argument('<NAME>', 'the channel; it is made if there is none')
    .argument('<VERSION>', 'the release')
    .requiredOption('--repo <location>', REPO_TO_WRITE)
    .requiredOption('--product <name>', 'the product')
    .option(
      '--allow-downgrade-from <versions>',
      'devices with these may go down to it; commas between; replaces what was allowed, "" ends it',
      (text: string) =>
        text
          .split(',')
          .map((version) => version.trim())
          .filter((version) => version !== ''),
    );
  withOutputOptions(withLockOption(withLedgerOptions(command)))
    .addHelpText('after', examples)
    .action((name: string, version: string, options: ChannelCommandOptions) =>
      runCommand(options, INTERRUPTED, (session) => channelCommand(name, version, options, session)),
    );
}

async function channelCommand(
  channel: string,
  version: string,
  options: ChannelCommandOptions,
  { output, signal }: CommandSession,
): Promise<number> {
  const { product, allowDowngradeFrom } = options;
  const trust = await openPublisherTrust(options, process.env);
  warnWhenInsecure(output, trust.mode);
  await using stack = new AsyncDisposableStack();
  const use = options.unsigned === undefined ? 'change' : 'read';
  const store = await openToChange(options.repo, options, { use, stack, signal, env: process.env });
  await trust.ledger(store).point(product, channel, version, { allowDowngradeFrom, signal });
  const staged = trust.staged();
  output.result({ product, channel, version, trust: trust.mode, ...(staged && { stage: staged }) }, () => [
    staged === undefined
      ? `${channel} of ${product} is ${version}`
      : `${channel} of ${product} will be ${version}; sign ${staged} and release it`,
  ]);
  return EXIT_DONE;
}
