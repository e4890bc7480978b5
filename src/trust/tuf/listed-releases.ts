/**
 * The releases that a product's role lists: its targets `<product>/<version>.json`, and what silt says of each
 * in their `custom` member.
 *
 * @module
 */
import type { Metadata, TargetFile, Targets } from '@tufjs/models';
import * as v from 'valibot';
import { MAX_EXCEPTIONS } from '../../format/limits.ts';
import { NAME_PATTERN } from '../../format/manifest.ts';
import { manifestPath } from './product-roles.ts';
import { malformed } from './strict-json.ts';

export interface ListedRelease {
  readonly version: string;
  readonly counter: number;
  /** Those that point at it. */
  readonly channels: readonly string[];
  /** Counters from which a device may go down to it. */
  readonly allowDowngradeFrom: readonly number[];
  /** Length and hashes of its manifest. */
  readonly target: TargetFile;
}

/** Channels that may point at one release. */
const MAX_CHANNELS = 1024;

const counter = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const customSchema = v.object({
  silt: v.object({
    counter,
    channels: v.exactOptional(
      v.pipe(v.array(v.pipe(v.string(), v.regex(NAME_PATTERN))), v.maxLength(MAX_CHANNELS)),
      [],
    ),
    allowDowngradeFrom: v.exactOptional(v.pipe(v.array(counter), v.maxLength(MAX_EXCEPTIONS)), []),
  }),
});

/**
 * The releases of `product` that `role` lists, oldest first. Targets of other names are none.
 *
 * @throws SiltError TRUST_MALFORMED, also when two have one counter or one channel
 */
export function listedReleases(metadata: Metadata<Targets>, role: string, product: string): ListedRelease[] {
  const releases = Object.values(metadata.signed.targets).flatMap((target): ListedRelease[] => {
    const version = versionOf(target.path, product);
    return version === undefined ? [] : [{ version, ...readCustom(target, role), target }];
  });
  requireDifferent(
    releases.map((release) => release.counter),
    role,
    'counters of releases',
  );
  requireDifferent(
    releases.flatMap((release) => release.channels),
    role,
    'channels',
  );
  return releases.sort((a, b) => a.counter - b.counter);
}

function versionOf(path: string, product: string): string | undefined {
  if (!path.startsWith(`${product}/`) || !path.endsWith('.json')) return undefined;
  const version = path.slice(product.length + 1, -'.json'.length);
  return NAME_PATTERN.test(version) && manifestPath(product, version) === path ? version : undefined;
}

function readCustom(target: TargetFile, role: string) {
  const custom = v.safeParse(customSchema, target.custom);
  if (custom.success) return custom.output.silt;
  const where = v.getDotPath(custom.issues[0]) ?? 'it';
  throw malformed(role, `${target.path}: custom.${where}: ${custom.issues[0].message}`);
}

function requireDifferent(values: readonly (string | number)[], role: string, what: string): void {
  if (new Set(values).size !== values.length) throw malformed(role, `expected the ${what} to differ`);
}
