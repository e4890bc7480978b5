/**
 * Who makes the CMS signature of a manifest: a certificate, and its key in a file or behind a command.
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';
import type { AddOptions } from '../trust/releases.ts';
import type { CmsSigner } from '../trust/x509/cms-signer.ts';
import { readOptionText } from './read-option-file.ts';

export interface CmsFlags {
  readonly cmsCert?: string;
  readonly cmsKey?: string;
  readonly passphraseFile?: string;
}

/**
 * Signs manifests as `--cms-cert` and `--cms-key` say; `undefined` without them.
 *
 * @throws SiltError USAGE when one of them is missing, KEY_UNUSABLE, IO_FAILED
 */
export async function cmsSigner(flags: CmsFlags): Promise<AddOptions['signManifest']> {
  const { cmsCert, cmsKey, passphraseFile } = flags;
  if (cmsCert === undefined && cmsKey === undefined) return undefined;
  if (cmsCert === undefined || cmsKey === undefined) {
    throw new SiltError('USAGE', 'expected --cms-cert and --cms-key together');
  }
  const certificates = await readOptionText('--cms-cert', cmsCert);
  const { signDetached } = await import('../trust/x509/sign-cms.ts');
  const signer = await signerOf(cmsKey, passphraseFile);
  return (manifest) => signDetached(manifest, { certificates, signer });
}

async function signerOf(path: string, passphraseFile: string | undefined): Promise<CmsSigner> {
  const { cmsSignerFromPem, cmsSignerOf } = await import('../trust/x509/cms-signer.ts');
  if (/\.signer\.json$/.test(path)) {
    const { loadCommandSigner } = await import('../trust/keys/command-signer.ts');
    return cmsSignerOf(await loadCommandSigner(path));
  }
  const pem = await readOptionText('--cms-key', path);
  if (!pem.includes('-----BEGIN ENCRYPTED')) return cmsSignerFromPem(pem);
  const { passphraseSource } = await import('./passphrase.ts');
  return cmsSignerFromPem(pem, { passphrase: await passphraseSource(passphraseFile)(path) });
}
