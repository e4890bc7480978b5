/**
 * `silt mark-good`: the operator says that the system that runs works.
 *
 * @module
 */
import type { Command } from 'commander';
import { markGood } from '../../device/update/operator.ts';
import { type ConfigFlags, withConfigOption } from '../config-option.ts';
import { runAsOperator } from '../operator-command.ts';
import { withOutputOptions } from '../options.ts';
import type { OutputOptions } from '../output.ts';

const examples = `
Examples:
  silt mark-good
  silt mark-good --config ./device.yaml
  silt mark-good --json`;

/** Adds the command to `program`. */
export function addMarkGood(program: Command): void {
  const command = program
    .command('mark-good')
    .summary('keep the system that runs')
    .description(
      'Says that the system that runs works: the boot loader keeps it, the Floor rises, and the health hook is not asked any more.',
    );
  withOutputOptions(withConfigOption(command))
    .addHelpText('after', examples)
    .action((options: ConfigFlags & OutputOptions) => runAsOperator(options, markGood));
}
