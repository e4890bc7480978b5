/**
 * Changes of a repository, again and again while other publishers are faster: what they did stays, ours comes
 * next.
 *
 * @module
 */
import { isSiltError } from '../../core/errors.ts';
import { mayHavePassed } from '../recent-read.ts';
import { isUnheardConflict } from '../releases.ts';
import type { Draft } from './draft.ts';
import { goLive } from './go-live.ts';
import { isSettled, type LiveMetadata, type RepositoryAccess, readLive } from './live-metadata.ts';

/** Times a publisher tries again after another one changed the metadata under it. */
const MAX_RACES = 20;

/**
 * What is to be changed; `undefined` when nothing has to.
 *
 * @param isUnheard an earlier try may have been carried out, and its answer been lost
 */
export type DraftOf = (live: LiveMetadata, isUnheard: boolean) => Promise<Draft | undefined>;

/**
 * Makes what `draftOf` says of the live metadata go live. A draft with a new root is asked for again once it
 * is there, and must then be `undefined`: a root cannot be taken back when the timestamp loses its race.
 *
 * @param known what was read a moment ago: taken for the present at first, which the timestamp's condition confirms
 * @throws SiltError CONFLICT after losing too many races, SIGNATURES_MISSING, whatever `draftOf` throws
 */
export async function changeRepository(
  access: RepositoryAccess,
  draftOf: DraftOf,
  signal?: AbortSignal,
  known?: LiveMetadata,
): Promise<void> {
  let isUnheard = false;
  const outcome = known && (await tryKnown(access, draftOf, known));
  if (outcome === 'done') return;
  if (outcome === 'unheard') isUnheard = true;
  for (let race = 0; ; ) {
    signal?.throwIfAborted();
    const live = await readLive(access, signal);
    const draft = (await draftOf(live, isUnheard)) ?? (isSettled(live) ? undefined : {});
    if (draft === undefined) return;
    try {
      await goLive(access, live, draft);
      if (draft.root === undefined) return;
    } catch (error) {
      race += 1;
      if (isUnheardConflict(error)) isUnheard = true;
      if (!isSiltError(error, 'CONFLICT') || race > MAX_RACES) throw error;
    }
  }
}

/** `again`: whoever makes the change has to look at what there is now; `unheard`: and it may be made already. */
async function tryKnown(
  access: RepositoryAccess,
  draftOf: DraftOf,
  known: LiveMetadata,
): Promise<'done' | 'again' | 'unheard'> {
  try {
    const draft = await draftOf(known, false);
    if (draft === undefined) return 'again';
    await goLive(access, known, draft);
    return draft.root === undefined ? 'done' : 'again';
  } catch (error) {
    if (!mayHavePassed(error)) throw error;
    return isUnheardConflict(error) ? 'unheard' : 'again';
  }
}
