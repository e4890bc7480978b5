/**
 * The options with which sealed releases are opened: by a recipient, or by who has the master secret.
 *
 * @module
 */
import type { Command } from 'commander';
import { SiltError } from '../core/errors.ts';
import type { MetadataReader } from '../trust/releases.ts';
import type { OpenContentKey } from '../trust/seal/content-key.ts';
import { readOptionText } from './read-option-file.ts';

export interface SealFlags {
  readonly recipientCert?: string;
  readonly recipientKey?: string;
  readonly seal?: string;
}

/** What named each file, for messages. */
export interface RecipientNames {
  readonly cert: string;
  readonly key: string;
}

const OPTION_NAMES: RecipientNames = { cert: '--recipient-cert', key: '--recipient-key' };

export function withSealOptions(command: Command): Command {
  return command
    .option('--recipient-cert <file>', 'certificate for which sealed releases were sealed, PEM')
    .option('--recipient-key <file>', 'its key, PEM')
    .option('--seal <file>', 'the secret that releases are sealed with, for who has it');
}

/**
 * How content keys are found; `undefined` when no option says it.
 *
 * @param names by default those of the options
 * @throws SiltError USAGE, IO_FAILED, KEY_UNUSABLE
 */
export async function openContentKeys(
  flags: SealFlags,
  names: RecipientNames = OPTION_NAMES,
): Promise<((store: MetadataReader) => OpenContentKey) | undefined> {
  const { recipientCert, recipientKey, seal } = flags;
  if ((recipientCert === undefined) !== (recipientKey === undefined)) {
    throw new SiltError('USAGE', 'expected --recipient-cert and --recipient-key together');
  }
  if (seal !== undefined) {
    if (recipientCert !== undefined) {
      throw new SiltError('USAGE', 'expected --seal or --recipient-cert with --recipient-key, found both');
    }
    const { masterKeys, readMasterSecret } = await import('../trust/seal/master-secret.ts');
    const open = masterKeys(await readMasterSecret(seal));
    return () => open;
  }
  if (recipientCert === undefined || recipientKey === undefined) return undefined;
  const certificate = await readOptionText(names.cert, recipientCert);
  const privateKey = await readOptionText(names.key, recipientKey);
  const { recipientKeys } = await import('../trust/seal/recipient-keys.ts');
  return (store) => recipientKeys(store, { certificate, privateKey });
}
