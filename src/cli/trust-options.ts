/**
 * The options that say whom a command trusts, and the policy that they make. There is no default that trusts
 * anybody: a repository without signatures has to be asked for, with `--insecure`.
 *
 * @module
 */
import { type Command, Option } from 'commander';
import { SiltError } from '../core/errors.ts';
import { collect } from './options.ts';
import type { Output } from './output.ts';

/** What a release must be signed by: TUF metadata, a certificate, both, or nothing at all. */
export type TrustMode = 'tuf' | 'x509' | 'both' | 'insecure';

const purposes = ['codeSigning', 'emailProtection', 'any'] as const;

/** The members that commander fills in. */
export interface TrustFlags {
  readonly insecure?: boolean;
  readonly root?: string;
  readonly trust?: Exclude<TrustMode, 'insecure'>;
  readonly anchors?: string;
  readonly intermediates?: string;
  readonly crl?: readonly string[];
  readonly purpose?: (typeof purposes)[number];
}

/** Files that a policy is read from. */
export type TrustPolicy =
  | { readonly mode: 'insecure' }
  | { readonly mode: 'tuf'; readonly root: string }
  | { readonly mode: 'x509'; readonly certificates: CertificateFiles }
  | { readonly mode: 'both'; readonly root: string; readonly certificates: CertificateFiles };

export interface CertificateFiles {
  readonly anchors: string;
  readonly intermediates: string | undefined;
  readonly crls: readonly string[];
  readonly purpose: (typeof purposes)[number];
}

/** Adds `--root`, `--trust`, `--insecure` and what goes with certificates. */
export function withTrustOptions(command: Command): Command {
  return command
    .option('--root <file>', 'the root of trust that came with the device; or SILT_ROOT')
    .addOption(
      new Option('--trust <what>', 'what must have signed a release; by default tuf').choices([
        'tuf',
        'x509',
        'both',
      ]),
    )
    .option('--anchors <file>', 'with --trust x509 or both: certificates to trust, PEM')
    .option('--intermediates <file>', 'certificates between those and the signer, PEM')
    .option('--crl <file>', 'certificates that were revoked, PEM or DER; several times', collect)
    .addOption(
      new Option('--purpose <purpose>', 'what the signer must be allowed; by default codeSigning').choices(
        purposes,
      ),
    )
    .addOption(insecureOption());
}

/** `--insecure`, which goes with nothing that says whom to trust. */
export function insecureOption(): Option {
  return new Option('--insecure', 'use a repository without signatures; said at every run').conflicts([
    'root',
    'trust',
    'anchors',
    'intermediates',
    'crl',
    'purpose',
  ]);
}

/**
 * The policy that the options make.
 *
 * @throws SiltError USAGE when nobody would be trusted, or what was given does not fit together
 */
export function trustPolicy(
  flags: TrustFlags,
  env: Readonly<Record<string, string | undefined>>,
): TrustPolicy {
  if (flags.insecure === true) return { mode: 'insecure' };
  const mode = flags.trust ?? 'tuf';
  const certificates = certificateFiles(flags, mode);
  if (mode === 'x509') return { mode, certificates: certificates as CertificateFiles };
  const root = flags.root ?? (env.SILT_ROOT || undefined);
  if (root === undefined) {
    throw new SiltError(
      'USAGE',
      'expected --root FILE (or SILT_ROOT), the root of trust that came with the device, or --insecure for a repository without signatures',
    );
  }
  return certificates === undefined ? { mode: 'tuf', root } : { mode: 'both', root, certificates };
}

function certificateFiles(flags: TrustFlags, mode: 'tuf' | 'x509' | 'both'): CertificateFiles | undefined {
  const { anchors, intermediates, crl, purpose } = flags;
  if (mode === 'tuf') {
    if ((anchors ?? intermediates ?? crl ?? purpose) === undefined) return undefined;
    throw new SiltError(
      'USAGE',
      'expected --trust x509 or --trust both with --anchors, --intermediates, --crl and --purpose: certificates count only then',
    );
  }
  if (anchors === undefined) {
    throw new SiltError(
      'USAGE',
      `expected --anchors FILE with --trust ${mode}: which certificates are trusted?`,
    );
  }
  return { anchors, intermediates, crls: crl ?? [], purpose: purpose ?? 'codeSigning' };
}

/** Says so when nothing is signed, at every run and under `--quiet` too; `--json` has it in the document. */
export function warnWhenInsecure(output: Output, mode: TrustMode): void {
  if (mode !== 'insecure') return;
  output.warn(
    'warning: --insecure: nothing is signed here; whoever can write to the repository decides what this is',
  );
}
