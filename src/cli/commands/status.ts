/**
 * `silt status`: what runs on this device, what is under way, and what went wrong.
 *
 * @module
 */
import type { Command } from 'commander';
import { type ConfigFlags, configOf, configPath, withConfigOption } from '../config-option.ts';
import { describeDevice } from '../describe-device.ts';
import { deviceStatus } from '../device-status.ts';
import { EXIT_DAMAGED, EXIT_DONE } from '../exit.ts';
import { withOutputOptions } from '../options.ts';
import type { OutputOptions } from '../output.ts';
import { type CommandSession, runCommand } from '../run-command.ts';

const examples = `
Examples:
  silt status
  silt status --config ./device.yaml
  silt status --json`;

/** Adds the command to `program`. */
export function addStatus(program: Command): void {
  const command = program
    .command('status')
    .summary('show what runs on this device and what is under way')
    .description(
      'Shows what runs on this device, what its slots hold, the update under way, the last failure and when it is tried again. Changes nothing and needs no network. What cannot be read is told in its line, and the exit status is 16.',
    );
  withOutputOptions(withConfigOption(command))
    .addHelpText('after', examples)
    .action((options: ConfigFlags & OutputOptions) =>
      runCommand(options, 'interrupted', (session) => statusCommand(options, session)),
    );
}

async function statusCommand(options: ConfigFlags, { output, signal }: CommandSession): Promise<number> {
  const { env } = process;
  const config = await configOf(options, env);
  const status = await deviceStatus(configPath(options, env), config, signal);
  output.result(status, () => describeDevice(status));
  return status.problems.length > 0 ? EXIT_DAMAGED : EXIT_DONE;
}
