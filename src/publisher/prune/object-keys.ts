/**
 * Which keys pruning decides about: those that silt gives to objects that never change. Whatever else lies in a
 * repository is somebody's, and stays.
 *
 * @module
 */
import { parseRemnantKey } from '../../format/remnant.ts';
import type { Key } from '../../store/store.ts';

/** Kinds of object that may go. */
export const PRUNED_KINDS = ['packs', 'indexes', 'deltas', 'keys', 'targets', 'metadata'] as const;

export type PrunedKind = (typeof PRUNED_KINDS)[number];

const NAMED_BY_DIGEST = /^(?:packs|indexes|deltas|keys)\/[0-9a-f]{64}$/;
const MANIFEST = /^targets\/[A-Za-z0-9][^/]*\/[0-9a-f]{64}\.[A-Za-z0-9][^/]*\.json(?:\.p7s)?$/;
const METADATA = /^metadata\/([1-9]\d{0,15})\.(.+)\.json$/;

/** The kind of the object, if it is one to decide about. */
export function prunedKind(key: Key): PrunedKind | undefined {
  if (parseRemnantKey(key) !== undefined) return 'packs';
  if (!NAMED_BY_DIGEST.test(key) && !MANIFEST.test(key) && !METADATA.test(key)) return undefined;
  const first = key.split('/', 1)[0];
  return PRUNED_KINDS.find((kind) => kind === first);
}

/** Version and name of a metadata file. */
export function metadataFile(key: Key): { readonly version: number; readonly name: string } | undefined {
  const match = METADATA.exec(key);
  if (match === null) return undefined;
  return { version: Number(match[1]), name: match[2] as string };
}
