/**
 * `silt floor`: the lowest release counter that this device accepts, shown and raised.
 *
 * @module
 */
import { join } from 'node:path';
import type { Command } from 'commander';
import { openFloor } from '../../trust/floor.ts';
import { EXIT_DONE } from '../exit.ts';
import { defaultStateDirectory, parseCount, withOutputOptions } from '../options.ts';
import type { OutputOptions } from '../output.ts';
import { type CommandSession, runCommand } from '../run-command.ts';

interface FloorCommandOptions extends OutputOptions {
  readonly product: string;
  readonly state?: string;
}

interface RaiseCommandOptions extends FloorCommandOptions {
  readonly counter: number;
}

const examples = `
Examples:
  silt floor show --product gateway
  silt floor raise --product gateway --counter 12
  silt floor show --product gateway --state /data/silt --json`;

const raiseExamples = `
Examples:
  silt floor raise --product gateway --counter 12
  silt floor raise --product gateway --counter 12 --state /data/silt
  silt floor raise --product gateway --counter 12 --json`;

/** Where the floors are, below the state directory. */
export function floorDirectory(state: string): string {
  return join(state, 'floor');
}

/** Adds the command to `program`. */
export function addFloor(program: Command): void {
  const floor = program
    .command('floor')
    .summary('show or raise the lowest release that this device accepts')
    .description('The Floor is the lowest release counter that this device accepts of a product.')
    .addHelpText('after', examples);
  addShow(floor);
  addRaise(floor);
}

function addShow(floor: Command): void {
  const command = floor.command('show').summary('show it').description('Shows the Floor of a product.');
  withFloorOptions(command)
    .addHelpText('after', examples)
    .action((options: FloorCommandOptions) =>
      runCommand(options, 'interrupted', (session) => showCommand(options, session)),
    );
}

function addRaise(floor: Command): void {
  const command = floor
    .command('raise')
    .summary('raise it')
    .description(
      'Raises the Floor of a product: from now on no release with a lower counter is accepted. It never falls. ' +
        'To be called when the release has booted and works, not when it was installed. Where the Floor was ' +
        'damaged in every copy, it begins anew with this counter.',
    )
    .requiredOption(
      '--counter <n>',
      'counter of the release that runs; "silt fetch --json" tells it',
      parseCount('--counter', 1),
    );
  withFloorOptions(command)
    .addHelpText('after', raiseExamples)
    .action((options: RaiseCommandOptions) =>
      runCommand(options, 'interrupted', (session) => raiseCommand(options, session)),
    );
}

function withFloorOptions(command: Command): Command {
  command
    .requiredOption('--product <name>', 'the product')
    .option('--state <dir>', 'where silt keeps its state; by default as for "silt fetch"');
  return withOutputOptions(command);
}

async function showCommand(options: FloorCommandOptions, { output }: CommandSession): Promise<number> {
  const { product, directory } = placeOf(options);
  const floor = await openFloor(directory).read(product);
  output.result({ product, floor, directory }, () => [
    floor === 0
      ? `${product} has no floor yet: every release is accepted`
      : `${product}: releases from counter ${floor} up are accepted`,
  ]);
  return EXIT_DONE;
}

async function raiseCommand(options: RaiseCommandOptions, { output }: CommandSession): Promise<number> {
  const { product, directory } = placeOf(options);
  const floor = await openFloor(directory).raise(product, options.counter, { anew: true });
  output.result({ product, floor, directory }, () => [
    floor === options.counter
      ? `${product}: releases from counter ${floor} up are accepted`
      : `${product}: the floor stays at ${floor}, it never falls to ${options.counter}`,
  ]);
  return EXIT_DONE;
}

function placeOf({ product, state }: FloorCommandOptions): { product: string; directory: string } {
  return { product, directory: floorDirectory(state ?? defaultStateDirectory(process.env)) };
}
