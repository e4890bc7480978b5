/**
 * `silt install`: updates this device now, or goes on with an update under way.
 *
 * @module
 */
import type { Command } from 'commander';
import { runUpdate } from '../../device/update/run-update.ts';
import { type ConfigFlags, configOf, withConfigOption } from '../config-option.ts';
import { finishUpdate, logTo, progressTo } from '../describe-update.ts';
import { openDevice, withDeviceLock } from '../open-device.ts';
import { withDetailedExitCode, withOutputOptions } from '../options.ts';
import type { OutputOptions } from '../output.ts';
import { type CommandSession, runCommand } from '../run-command.ts';

interface InstallCommandOptions extends ConfigFlags, OutputOptions {
  readonly version?: string;
  readonly again?: boolean;
  /** False with --no-defer. */
  readonly defer: boolean;
  readonly detailedExitcode?: boolean;
}

const examples = `
Examples:
  silt install
  silt install --version 1.4.2 --no-defer
  silt install --again --config ./device.yaml
  silt install --detailed-exitcode --json`;

const INTERRUPTED = 'interrupted; the update is kept where it is. Run the same command again to go on';

/** Adds the command to `program`. */
export function addInstall(program: Command): void {
  const command = program
    .command('install')
    .summary('update this device now')
    .description(
      'Updates this device to the release of its channel, or goes on with the update under way: fetches, verifies, installs, restarts, and after the restart asks whether the new system works. Maintenance windows and the time of the next try are for the agent; this is now.',
    )
    .option('--version <version>', 'another release than that of the channel')
    .option('--again', 'try a release that was not healthy here again')
    .option('--no-defer', 'do not ask the hook that may put it off');
  withDetailedExitCode(withOutputOptions(withConfigOption(command)), 'there is nothing newer')
    .addHelpText('after', examples)
    .action((options: InstallCommandOptions) =>
      runCommand(options, INTERRUPTED, (session) => installCommand(options, session)),
    );
}

async function installCommand(
  options: InstallCommandOptions,
  { output, signal }: CommandSession,
): Promise<number> {
  const { env } = process;
  const config = await configOf(options, env);
  const device = await openDevice(config, { env, log: logTo(output) });
  const result = await withDeviceLock(config, signal, () =>
    runUpdate(device, {
      signal,
      now: true,
      again: options.again,
      noDefer: !options.defer,
      version: options.version,
      onProgress: progressTo(output),
    }),
  );
  return finishUpdate(result, output, { product: config.product, detailed: options.detailedExitcode });
}
