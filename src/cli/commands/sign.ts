/**
 * `silt sign`: signatures for a stage, on the machine that has the keys.
 *
 * @module
 */
import type { Command } from 'commander';
import { SiltError } from '../../core/errors.ts';
import type { Stage } from '../../trust/ledger/stage.ts';
import { type CmsFlags, cmsSigner } from '../cms-signer.ts';
import { describeStage, summarizeStage } from '../describe-stage.ts';
import { EXIT_DONE } from '../exit.ts';
import { type KeyFlags, openKeys, readTrustedRoot, withKeyOptions } from '../key-options.ts';
import { withOutputOptions } from '../options.ts';
import type { OutputOptions } from '../output.ts';
import { type CommandSession, runCommand } from '../run-command.ts';
import { readStage, writeStage } from '../stage-file.ts';

interface SignCommandOptions extends OutputOptions, KeyFlags, CmsFlags {
  readonly dryRun?: boolean;
}

const examples = `
Examples:
  silt sign release.stage.json --keys /media/offline/keys
  silt sign release.stage.json --keys /media/offline/keys --dry-run
  silt sign release.stage.json --keys ./hsm.signer.json --root root.json
  silt sign release.stage.json --keys ./keys --cms-cert signer.pem --cms-key signer.key`;

const INTERRUPTED = 'interrupted; the stage is as it was';

/** Adds the command to `program`. */
export function addSign(program: Command): void {
  const command = program
    .command('sign')
    .summary('sign what another machine has staged')
    .description(
      'Shows what a stage changes, and adds the signatures that the keys at hand may make. What the stage holds ' +
        'must fit together and follow from the root you trust; otherwise nothing is signed.',
    )
    .argument('<STAGE>', 'the file that "publish --unsigned" or "keys ... --stage" wrote');
  withKeyOptions(command)
    .option('--cms-cert <file>', 'sign the manifest with this certificate too, PEM; others may follow in it')
    .option('--cms-key <file>', 'its key')
    .option('--dry-run', 'show what would be signed, and sign nothing');
  withOutputOptions(command)
    .addHelpText('after', examples)
    .action((path: string, options: SignCommandOptions) =>
      runCommand(options, INTERRUPTED, (session) => signCommand(path, options, session)),
    );
}

/** @param only sign no other roles */
export async function signCommand(
  path: string,
  options: SignCommandOptions,
  { output }: CommandSession,
  only?: readonly string[],
): Promise<number> {
  const stage = await readStage(path);
  const keys = await openKeys(options, process.env);
  const root = stage.base === undefined ? undefined : await readTrustedRoot(keys);
  const { signStage } = await import('../../trust/ledger/sign-stage.ts');
  const isDryRun = options.dryRun === true;
  // Without signers it is only checked.
  const checked = await signStage(stage, isDryRun ? [] : keys.signers, { root, ...(only && { only }) });
  const signed = isDryRun ? checked : await withCmsSignature(checked, options);
  if (!isDryRun) await writeStage(path, signed);
  const summary = await summarizeStage(signed);
  const added = signaturesIn(signed) - signaturesIn(stage);
  output.result({ stage: path, added, ...summary }, () => [
    ...describeStage(summary),
    isDryRun ? 'nothing was signed' : `added ${added} signatures to ${path}`,
  ]);
  return EXIT_DONE;
}

/** @throws SiltError USAGE when there is no manifest to sign */
async function withCmsSignature(stage: Stage, options: SignCommandOptions): Promise<Stage> {
  const signManifest = await cmsSigner(options);
  if (signManifest === undefined) return stage;
  const { release } = stage;
  if (release === undefined) {
    throw new SiltError('USAGE', 'this stage has no manifest that --cms-cert could sign');
  }
  return { ...stage, release: { ...release, cms: await signManifest(release.bytes) } };
}

function signaturesIn({ roles }: Stage): number {
  return roles.reduce((sum, { metadata }) => sum + metadata.signatures.length, 0);
}
