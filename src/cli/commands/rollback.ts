/**
 * `silt rollback`: the operator wants what was there before.
 *
 * @module
 */
import type { Command } from 'commander';
import { rollBack } from '../../device/update/operator.ts';
import { type ConfigFlags, withConfigOption } from '../config-option.ts';
import { runAsOperator } from '../operator-command.ts';
import { withOutputOptions } from '../options.ts';
import type { OutputOptions } from '../output.ts';

const examples = `
Examples:
  silt rollback
  silt rollback --config ./device.yaml
  silt rollback --json`;

/** Adds the command to `program`. */
export function addRollback(program: Command): void {
  const command = program
    .command('rollback')
    .summary('go back to the system before')
    .description(
      'Takes back the update under way, or else starts the system in the other slot again. The release that is left is not installed again by itself.',
    );
  withOutputOptions(withConfigOption(command))
    .addHelpText('after', examples)
    .action((options: ConfigFlags & OutputOptions) => runAsOperator(options, rollBack));
}
