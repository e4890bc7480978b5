/**
 * What a stage changes, for those who are to sign it; and what it still lacks.
 *
 * @module
 */
import type { Missing } from '../trust/ledger/sign-envelope.ts';
import type { Stage } from '../trust/ledger/stage.ts';

/** A role of a stage, as data. */
export interface StagedSummary {
  readonly role: string;
  readonly version: number;
  readonly follows: number;
  readonly expires: string;
  readonly signatures: readonly string[];
  /** What it says, in words. */
  readonly says: string;
}

export interface StageSummary {
  readonly roles: readonly StagedSummary[];
  readonly release?: {
    readonly product: string;
    readonly version: string;
    readonly counter: number;
    readonly sha256: string;
    readonly cms: boolean;
  };
  readonly missing: readonly Missing[];
}

/** What there is to see of `stage`. */
export async function summarizeStage(stage: Stage): Promise<StageSummary> {
  const { missingSignatures } = await import('../trust/ledger/sign-stage.ts');
  const { sha256Hex } = await import('../core/digest.ts');
  const { release } = stage;
  return {
    roles: stage.roles.map(({ role, follows, metadata: { signed, signatures } }) => ({
      role,
      version: Number(signed.version),
      follows,
      expires: String(signed.expires),
      signatures: signatures.map(({ keyid }) => keyid),
      says: plain(wordsOf(role, signed as unknown as Said)),
    })),
    ...(release && {
      release: {
        product: release.manifest.product,
        version: release.manifest.version,
        counter: release.manifest.counter,
        sha256: sha256Hex(release.bytes),
        cms: release.cms !== undefined,
      },
    }),
    missing: missingSignatures(stage),
  };
}

interface Keys {
  readonly keyids: readonly string[];
  readonly threshold: number;
}

interface Said {
  readonly roles?: Readonly<Record<string, Keys>>;
  readonly delegations?: { readonly roles?: readonly (Keys & { readonly name: string })[] };
  readonly targets?: Readonly<Record<string, { readonly custom?: { readonly silt?: Target } }>>;
}

interface Target {
  readonly counter?: number;
  readonly channels?: readonly string[];
}

function wordsOf(role: string, { roles, delegations, targets = {} }: Said): string {
  if (role === 'root')
    return Object.entries(roles ?? {})
      .map(keysOf)
      .join('; ');
  if (role === 'targets') {
    const names = (delegations?.roles ?? []).map(({ name, ...keys }) => keysOf([name, keys]));
    return names.length === 0 ? 'no product' : names.join('; ');
  }
  const releases = Object.entries(targets)
    .map(([path, { custom }]) => ({ path, silt: custom?.silt ?? {} }))
    .sort((a, b) => (b.silt.counter ?? 0) - (a.silt.counter ?? 0));
  const channels = releases.flatMap(({ path, silt }) =>
    (silt.channels ?? []).map((channel) => `${channel} is ${versionOf(path)}`),
  );
  const newest = releases[0] === undefined ? [] : [`the newest ${versionOf(releases[0].path)}`];
  return [`${releases.length} releases`, ...newest, ...channels].join(', ');
}

/** Names in a stage may hold anything, such as what moves the cursor over the line above. */
function plain(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?');
}

function versionOf(path: string): string {
  return path.slice(path.indexOf('/') + 1).replace(/\.json$/, '');
}

function keysOf([role, { keyids, threshold }]: readonly [string, Keys]): string {
  return `${role}: ${threshold} of ${keyids.map((keyId) => keyId.slice(0, 12)).join(', ')}`;
}

/** The same in lines. */
export function describeStage({ roles, release, missing }: StageSummary): string[] {
  return [
    ...(release
      ? [
          `release ${release.product} ${release.version} (counter ${release.counter})`,
          `  manifest ${release.sha256}${release.cms ? ', with a CMS signature' : ''}`,
        ]
      : []),
    ...roles.flatMap(({ role, version, expires, says, signatures }) => [
      `${plain(role)} version ${version}, until ${expires}, ${signatures.length} signatures`,
      `  ${says}`,
    ]),
    ...(missing.length === 0
      ? ['nothing is missing: "silt release" makes it live']
      : missing.map(
          ({ role, count, keyIds }) =>
            `missing for ${plain(role)}: ${count} more, by any of ${plain(keyIds.join(', '))}`,
        )),
  ];
}
