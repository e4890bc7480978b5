/**
 * `silt keys sign-root` and `export-root`: the root that devices are given.
 *
 * @module
 */
import type { Command } from 'commander';
import { replaceFile } from '../../io/atomic.ts';
import { EXIT_DONE } from '../exit.ts';
import { type KeyFlags, openSignedRepository, updateRootFile, withKeyOptions } from '../key-options.ts';
import { type CommonOptions, REPO_TO_WRITE, withOutputOptions } from '../options.ts';
import type { OutputOptions } from '../output.ts';
import { type CommandSession, runCommand } from '../run-command.ts';
import { signCommand } from './sign.ts';

interface ExportCommandOptions extends CommonOptions, KeyFlags {
  readonly output: string;
}

const signExamples = `
Examples:
  silt keys sign-root rotate.stage.json --keys /media/root-1
  silt keys sign-root rotate.stage.json --keys ./hsm.signer.json --root root.json
  silt keys sign-root keys/init.stage.json --keys /media/root-2 --json`;

const exportExamples = `
Examples:
  silt keys export-root --repo ./repo --keys ./keys --output root.json
  silt keys export-root --repo s3://updates/gateway --keys ./keys --output root.json
  silt keys export-root --repo ./repo --keys ./online --root old-root.json --output root.json`;

/** Adds the command to `keys`. */
export function addKeysSignRoot(keys: Command): void {
  const command = keys
    .command('sign-root')
    .summary('sign the root of a stage, and nothing else')
    .description('Signs the root of a stage, and nothing else in it, as "silt sign" signs all of it.')
    .argument('<STAGE>', 'the file that "keys ... --stage" wrote');
  withOutputOptions(withKeyOptions(command))
    .addHelpText('after', signExamples)
    .action((path: string, options: OutputOptions & KeyFlags) =>
      runCommand(options, 'interrupted; the stage is as it was', (session) =>
        signCommand(path, options, session, ['root']),
      ),
    );
}

/** Adds the command to `keys`. */
export function addKeysExportRoot(keys: Command): void {
  const command = keys
    .command('export-root')
    .summary('write the newest root, for devices')
    .description(
      'Writes the newest root that follows from the one you trust. Devices are made with it; those in the field ' +
        'find newer roots by themselves.',
    )
    .requiredOption('--repo <location>', REPO_TO_WRITE)
    .requiredOption('--output <file>', 'the file to write');
  withOutputOptions(withKeyOptions(command))
    .addHelpText('after', exportExamples)
    .action((options: ExportCommandOptions) =>
      runCommand(options, 'interrupted', (session) => exportCommand(options, session)),
    );
}

async function exportCommand(options: ExportCommandOptions, session: CommandSession): Promise<number> {
  const { output, signal } = session;
  await using stack = new AsyncDisposableStack();
  const bytes = await updateRootFile(await openSignedRepository(options, { use: 'read', stack, signal }));
  await replaceFile(options.output, bytes);
  const { openEnvelope } = await import('../../trust/tuf/envelope.ts');
  const { version, expires } = openEnvelope(bytes, 'root').signed;
  output.result({ output: options.output, version, expires }, () => [
    `${options.output} is root version ${version}, until ${expires}`,
  ]);
  return EXIT_DONE;
}
