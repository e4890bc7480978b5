/**
 * The options that say with which keys a release is signed, and the ledger that does it.
 *
 * @module
 */
import type { Command } from 'commander';
import { SiltError } from '../core/errors.ts';
import type { Stage } from '../trust/ledger/stage.ts';
import type { AddOptions, MetadataWriter, ReleaseLedger } from '../trust/releases.ts';
import { type CmsFlags, cmsSigner } from './cms-signer.ts';
import { type KeyFlags, keyPaths, openKeys, readTrustedRoot, withKeyOptions } from './key-options.ts';
import { insecureOption, type TrustMode } from './trust-options.ts';

export interface LedgerFlags extends KeyFlags, CmsFlags {
  readonly insecure?: boolean;
  readonly unsigned?: string;
}

/** What a publisher signs with. */
export interface PublisherTrust {
  readonly mode: TrustMode;
  ledger(store: MetadataWriter): ReleaseLedger;
  readonly signManifest: AddOptions['signManifest'];
  /** The file that holds what is left to sign, once it has been written. */
  staged(): string | undefined;
}

/** Adds `--keys`, `--unsigned`, `--cms-cert`, `--insecure` and what goes with them. */
export function withLedgerOptions(command: Command): Command {
  return withKeyOptions(command)
    .option(
      '--unsigned <stage>',
      'sign with the keys at hand, write the rest into this file, show nothing yet',
    )
    .option('--cms-cert <file>', 'sign the manifest with this certificate too, PEM; others may follow in it')
    .option('--cms-key <file>', 'its key')
    .addOption(insecureOption().conflicts(['keys', 'root', 'unsigned', 'cmsCert', 'cmsKey']));
}

/**
 * What the options sign with. A release that a certificate alone signs lies in an unsigned catalog.
 *
 * @throws SiltError USAGE when nothing would be signed, KEY_UNUSABLE, IO_FAILED
 */
export async function openPublisherTrust(
  flags: LedgerFlags,
  env: Readonly<Record<string, string | undefined>>,
): Promise<PublisherTrust> {
  const { openLedger } = await import('../trust/unsigned-releases.ts');
  const staged = (): undefined => undefined;
  if (flags.insecure === true) {
    return { mode: 'insecure', ledger: openLedger, signManifest: undefined, staged };
  }
  const paths = keyPaths(flags, env);
  const signManifest = await cmsSigner(flags);
  if (paths.length === 0 && flags.unsigned === undefined && signManifest !== undefined) {
    return { mode: 'x509', ledger: openLedger, signManifest, staged };
  }
  requireSomebody(flags, paths);
  const keys =
    paths.length === 0
      ? { signers: [], directory: undefined, rootPath: flags.root }
      : await openKeys(flags, env);
  const root = await readTrustedRoot(keys);
  const { signers } = keys;
  const { openTufLedger } = await import('../trust/ledger/tuf-ledger.ts');
  const stage = flags.unsigned === undefined ? undefined : stageWriter(flags.unsigned);
  return {
    mode: signManifest === undefined ? 'tuf' : 'both',
    ledger: (store) => openTufLedger(store, { root, signers, ...(stage && { stage: stage.write }) }),
    signManifest,
    staged: () => (stage?.written() === true ? flags.unsigned : undefined),
  };
}

/** @throws SiltError USAGE when nobody would sign, now or later */
function requireSomebody({ unsigned, root }: LedgerFlags, paths: readonly string[]): void {
  if (paths.length > 0 || (unsigned !== undefined && root !== undefined)) return;
  throw new SiltError(
    'USAGE',
    unsigned === undefined
      ? 'expected --keys DIR (or SILT_KEYS), with which the release is signed, or --insecure for a repository without signatures'
      : 'expected --root FILE or --keys DIR with --unsigned: which repository is it that others will sign?',
  );
}

function stageWriter(path: string) {
  let written = false;
  return {
    async write(stage: Stage): Promise<void> {
      const { writeStage } = await import('./stage-file.ts');
      await writeStage(path, stage);
      written = true;
    },
    written: () => written,
  };
}
