/**
 * `silt device`: what is wrong with the configuration of a device, with the line of each mistake; and a restart of
 * one that is tried out on a desk.
 *
 * @module
 */
import type { Command } from 'commander';
import type { DeviceConfig } from '../../device/config/device-config.ts';
import { formatFinding } from '../../device/config/findings.ts';
import { checkConfig, readConfigText } from '../../device/config/parse-config.ts';
import { EXIT_DONE, exitStatus } from '../exit.ts';
import { withOutputOptions } from '../options.ts';
import type { OutputOptions } from '../output.ts';
import { type CommandSession, runCommand } from '../run-command.ts';
import { addSimulateBoot } from './device-simulate-boot.ts';

const examples = `
Examples:
  silt device check /etc/silt/device.yaml
  silt device check device.yaml --json
  silt device check device.yaml --quiet && cp device.yaml rootfs/etc/silt/`;

/** Adds the command to `program`. */
export function addDevice(program: Command): void {
  const device = program
    .command('device')
    .summary('check the configuration of a device, or try it out')
    .description('Looks after the configuration of a device, and restarts one that is tried out on a desk.')
    .addHelpText('after', examples);
  const check = device
    .command('check')
    .summary('explain every mistake in a configuration')
    .description(
      'Checks the configuration of a device and tells every mistake and warning with its line and column. ' +
        'Opens nothing but that file, so it runs where images are built as well. Exits with 2 on a mistake.',
    )
    .argument('<FILE>', 'the configuration, YAML');
  withOutputOptions(check)
    .addHelpText('after', examples)
    .action((path: string, options: OutputOptions) =>
      runCommand(options, 'interrupted', (session) => checkCommand(path, options, session)),
    );
  addSimulateBoot(device);
}

async function checkCommand(
  path: string,
  { quiet, json }: OutputOptions,
  { output }: CommandSession,
): Promise<number> {
  const { config, mistakes, warnings } = checkConfig(await readConfigText(path), { path });
  const told = [
    ...mistakes.map((mistake) => ({ line: mistake.line, text: formatFinding(path, mistake) })),
    ...warnings.map((warning) => ({
      line: warning.line,
      text: formatFinding(path, { ...warning, member: '', message: `warning: ${sentence(warning)}` }),
    })),
  ].sort((a, b) => a.line - b.line);
  output.result({ path, valid: config !== undefined, mistakes, warnings }, () => [
    ...told.map(({ text }) => text),
    config === undefined ? `${path}: ${countOf(mistakes.length, 'mistake')}` : `${path}: ${describe(config)}`,
  ]);
  // Mistakes are errors, which --quiet does not silence.
  if (quiet && !json) for (const mistake of mistakes) output.warn(formatFinding(path, mistake));
  return config === undefined ? exitStatus.CONFIG_INVALID : EXIT_DONE;
}

function sentence({ member, message }: { readonly member: string; readonly message: string }): string {
  return member === '' ? message : `${member}: ${message}`;
}

function describe({ product, channel, components, bootLoader }: DeviceConfig): string {
  const names = components.map(({ name, installer }) => `${name} (${installer.type})`).join(', ');
  return `good; ${product} from the channel ${channel}: ${names}; boot loader: ${bootLoader.type}`;
}

function countOf(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
