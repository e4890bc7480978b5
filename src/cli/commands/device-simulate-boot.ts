/**
 * `silt device simulate-boot`: a restart, as the simulated boot loader has it. With slots that are files, a whole
 * update can be tried on a desk.
 *
 * @module
 */
import type { Command } from 'commander';
import { SiltError } from '../../core/errors.ts';
import { simulatedBootLoader } from '../../device/boot/simulated-boot-loader.ts';
import { bootSlots } from '../../device/make-boot-loader.ts';
import { configOf } from '../config-option.ts';
import { EXIT_DONE } from '../exit.ts';
import { withOutputOptions } from '../options.ts';
import type { OutputOptions } from '../output.ts';
import { type CommandSession, runCommand } from '../run-command.ts';

const examples = `
Examples:
  silt device simulate-boot device.yaml
  silt device simulate-boot device.yaml --json

In the configuration, with absolute paths:
  bootLoader: { type: simulated, state: /tmp/desk/boot.json }
  hooks: { reboot: { command: [silt, device, simulate-boot, /tmp/desk/device.yaml] } }`;

/** Adds the command to `device`. */
export function addSimulateBoot(device: Command): void {
  const command = device
    .command('simulate-boot')
    .summary('restart a device whose boot loader is simulated')
    .description(
      'Does what a restart does where the boot loader is simulated: takes the first slot that may be started, counts a try, and prints its name. Run "silt install" or "silt agent" after it, as the system that has started would.',
    )
    .argument('<FILE>', 'the configuration, YAML, with bootLoader.type: simulated');
  withOutputOptions(command)
    .addHelpText('after', examples)
    .action((path: string, options: OutputOptions) =>
      runCommand(options, 'interrupted', (session) => simulateCommand(path, session)),
    );
}

/** Takes no lock: the hook that restarts is run by who holds it. */
async function simulateCommand(path: string, { output }: CommandSession): Promise<number> {
  const { bootLoader, components } = await configOf({ config: path }, {});
  const slots = bootSlots(components);
  if (bootLoader.type !== 'simulated' || slots.length === 0) {
    throw new SiltError(
      'CONFIG_INVALID',
      `expected bootLoader.type: simulated and slots with names in ${path}, found ${bootLoader.type} and ${slots.length} slots; a real device is restarted by its own command`,
      { details: { path } },
    );
  }
  const loader = simulatedBootLoader({ path: bootLoader.state, slots });
  const slot = await loader.boot();
  if (slot === undefined) {
    throw new SiltError(
      'BOOT_FAILED',
      `no slot may be started: ${slots.join(', ')} are all bad or out of tries; remove ${bootLoader.state} to begin anew`,
    );
  }
  output.result({ slot, bootId: await loader.bootId() }, () => [slot]);
  return EXIT_DONE;
}
