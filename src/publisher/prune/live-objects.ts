/**
 * What a repository refers to at one moment, as a question about a key.
 *
 * @module
 */
import { parseRemnantKey } from '../../format/remnant.ts';
import type { Key } from '../../store/store.ts';
import { numbersFrom } from '../../trust/ledger/place-role.ts';
import type { RepositorySurvey } from '../../trust/releases.ts';
import type { MarkedRelease } from './marked-releases.ts';
import { metadataFile } from './object-keys.ts';
import { isNeeded } from './pack-standing.ts';
import type { PackStandings } from './pack-survey.ts';

/**
 * Versions of the snapshot that stay for ever, some dozen: where its count begins anew, as after a theft of keys,
 * a number that was used is passed over because its file is there; caches may hold it for a year.
 */
const TAKEN_SNAPSHOTS: ReadonlySet<number> = new Set(numbersFrom(1));

export interface LiveObjects {
  /** That of the survey. */
  readonly state: string;
  /** Sealed releases that could not be opened: any sealed pack may be one of theirs. */
  readonly closed: number;
  /** True for what is referred to; also for a metadata file of which that cannot be said. */
  has(key: Key): boolean;
}

/**
 * What `releases` need, and the metadata that lists them.
 *
 * @param standings of packs for these releases; of a pack that is not among them all objects are needed
 */
export function liveObjects(
  { state, metadata }: Pick<RepositorySurvey, 'state' | 'metadata'>,
  releases: readonly MarkedRelease[],
  standings: PackStandings = new Map(),
): LiveObjects {
  const keys = new Set<Key>();
  for (const release of releases) for (const key of release.keys) keys.add(key);
  return {
    state,
    closed: releases.filter(({ isClosed }) => isClosed).length,
    has(key) {
      const file = metadataFile(key);
      if (file === undefined) {
        const { packKey, number } = parseRemnantKey(key) ?? { packKey: key, number: 0 };
        const standing = standings.get(packKey);
        return keys.has(packKey) && (standing === undefined || isNeeded(standing, number));
      }
      if (file.name === 'snapshot' && TAKEN_SNAPSHOTS.has(file.version)) return true;
      // Later versions may be a publisher's who is about to show them; and numbers once used stay used.
      const current = metadata.get(file.name);
      return current === undefined || file.version >= current;
    },
  };
}
