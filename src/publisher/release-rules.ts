/**
 * Which devices may have a release, as its manifest says it: other releases are named by their counters there.
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';
import { canonicalJson, type Json } from '../format/canonical-json.ts';
import type { Manifest } from '../format/manifest.ts';
import type { NewRelease, Releases, TrustOptions } from '../trust/releases.ts';

/** What is asked of a release, with releases named by their versions. */
export interface RuleRequest {
  /** What it is for; default: anything. */
  readonly hardware?: NewRelease['hardware'] | undefined;
  /** What a device must have before it: the release of this version or a later one, a version of silt. */
  readonly requires?: { readonly version?: string; readonly silt?: string } | undefined;
  /** Versions from which devices may go down to it. */
  readonly allowDowngradeFrom?: readonly string[] | undefined;
}

export type ReleaseRules = Pick<NewRelease, 'hardware' | 'requires' | 'allowDowngradeFrom'>;

/**
 * The members of a manifest that say so; empty when nothing is asked.
 *
 * @throws SiltError USAGE for a version of silt that is none, or a release that names itself;
 *   RELEASE_NOT_FOUND for a release that there is not
 */
export async function resolveRules(
  releases: Pick<Releases, 'find'>,
  { product, version }: { readonly product: string; readonly version: string },
  { hardware, requires = {}, allowDowngradeFrom = [] }: RuleRequest,
  { signal }: TrustOptions = {},
): Promise<ReleaseRules> {
  const counterOf = async (named: string, verb: string): Promise<number> => {
    if (named === version) {
      throw new SiltError('USAGE', `${product} ${version} cannot ${verb} itself; name an earlier release`);
    }
    return (await releases.find(product, { version: named }, { signal })).counter;
  };
  const { silt, version: before } = requires;
  if (silt !== undefined && !/^\d{1,9}\.\d{1,9}\.\d{1,9}$/.test(silt)) {
    throw new SiltError(
      'USAGE',
      `expected the required version of silt to be such as 1.4.0, found "${silt}"`,
    );
  }
  const counter = before === undefined ? undefined : await counterOf(before, 'require');
  const from = new Set<number>();
  for (const named of allowDowngradeFrom) from.add(await counterOf(named, 'go down from'));
  return {
    ...(hardware && { hardware }),
    ...((counter ?? silt) !== undefined && {
      requires: { ...(counter !== undefined && { counter }), ...(silt !== undefined && { silt }) },
    }),
    ...(from.size > 0 && { allowDowngradeFrom: [...from].sort((a, b) => a - b) }),
  };
}

/**
 * A version means one thing for ever: its rules do not change when it is published again.
 *
 * @throws SiltError RELEASE_EXISTS
 */
export function requireSameRules(existing: Manifest, rules: ReleaseRules): void {
  const textOf = ({ hardware, requires, allowDowngradeFrom }: ReleaseRules): string =>
    canonicalJson({ hardware, requires, allowDowngradeFrom } as Json);
  if (textOf(existing) === textOf(rules)) return;
  const { product, version } = existing;
  throw new SiltError(
    'RELEASE_EXISTS',
    `${product} ${version} is published already, with other hardware, requirements or exceptions; choose another version`,
    { details: { product, version } },
  );
}
