/**
 * `silt keys seal`: the secret that sealed releases are made with.
 *
 * @module
 */
import type { Command } from 'commander';
import { EXIT_DONE } from '../exit.ts';
import { withOutputOptions } from '../options.ts';
import type { OutputOptions } from '../output.ts';
import { type CommandSession, runCommand } from '../run-command.ts';

const examples = `
Examples:
  silt keys seal ./seal.json
  silt publish rootfs.ext4 --repo ./repo --keys ./keys --product gateway --version 1.5.0 \\
      --seal ./seal.json --recipient gateway-1.pem
  silt inspect --repo ./repo --root root.json --product gateway --seal ./seal.json`;

/** Adds the command to `keys`. */
export function addKeysSeal(keys: Command): void {
  const command = keys
    .command('seal')
    .summary('make the secret that sealed releases are made with')
    .description(
      'Makes the secret that content keys of sealed releases follow from, in a new file that only you can ' +
        'read. Who has it can read all that is sealed with it; without it nothing can be sealed on.',
    )
    .argument('<FILE>', 'the file to make; it must not exist');
  withOutputOptions(command)
    .addHelpText('after', examples)
    .action((path: string, options: OutputOptions) =>
      runCommand(options, 'interrupted', (session) => makeSecret(path, session)),
    );
}

async function makeSecret(path: string, { output }: CommandSession): Promise<number> {
  const { writeMasterSecret } = await import('../../trust/seal/master-secret.ts');
  await writeMasterSecret(path);
  output.result({ path }, () => [`made ${path}: keep it as you keep the keys, and a copy of it elsewhere`]);
  return EXIT_DONE;
}
