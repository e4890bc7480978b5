/**
 * Changes of a repository, again and again while other publishers are faster: what they did stays, ours comes
 * next.
 *
 * @module
 */
import { isSiltError } from '../../core/errors.ts';
import type { Draft } from './draft.ts';
import { goLive } from './go-live.ts';
import { isSettled, type LiveMetadata, type RepositoryAccess, readLive } from './live-metadata.ts';

/** Times a publisher tries again after another one changed the metadata under it. */
const MAX_RACES = 20;

/**
 * Makes what `draftOf` says of the live metadata go live. A draft with a new root is asked for again once it
 * is there, and must then be `undefined`: a root cannot be taken back when the timestamp loses its race.
 *
 * @param draftOf `undefined` when nothing has to change
 * @throws SiltError CONFLICT after losing too many races, SIGNATURES_MISSING, whatever `draftOf` throws
 */
export async function changeRepository(
  access: RepositoryAccess,
  draftOf: (live: LiveMetadata) => Promise<Draft | undefined>,
  signal?: AbortSignal,
): Promise<void> {
  for (let race = 0; ; ) {
    signal?.throwIfAborted();
    const live = await readLive(access, signal);
    const draft = (await draftOf(live)) ?? (isSettled(live) ? undefined : {});
    if (draft === undefined) return;
    try {
      await goLive(access, live, draft);
      if (draft.root === undefined) return;
    } catch (error) {
      race += 1;
      if (!isSiltError(error, 'CONFLICT') || race > MAX_RACES) throw error;
    }
  }
}
