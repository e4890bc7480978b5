/**
 * Asks the repositories of the configuration: for metadata one after the other, until one answers; for objects all
 * as one. What the release itself or this device forbids, no other repository changes.
 *
 * @module
 */
import { type ErrorCode, isSiltError, isTransient, SiltError } from '../../core/errors.ts';
import { withBudget } from '../../fetcher/with-budget.ts';
import { publicLocation } from '../../store/public-location.ts';
import type { ReadStore } from '../../store/store.ts';
import type { ReleaseSource } from './device.ts';
import type { UpdateRun } from './update-run.ts';

/** A repository that is down, incomplete, stale or not what it should be: a mirror may be better. */
const MIRROR_MAY_HELP: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'NETWORK',
  'NOT_A_REPOSITORY',
  'RELEASE_NOT_FOUND',
  'OBJECT_MISSING',
  'STORE_REFUSED',
  'RANGE_INVALID',
  'DIGEST_MISMATCH',
  'FORMAT_INVALID',
  'FORMAT_UNSUPPORTED',
  'SEAL_BROKEN',
  'CRL_INVALID',
]);

const mirrorMayHelp = (error: unknown): error is SiltError =>
  isSiltError(error) && (MIRROR_MAY_HELP.has(error.code) || /^(TRUST|MANIFEST|CMS|CERT)_/.test(error.code));

/**
 * What `work` gives with the first repository that answers; all that comes over the network is counted. Of several,
 * each is asked once, and only when none has answered those whose failure may pass are asked again.
 *
 * @param work hears how often it may try by itself; `undefined`: as often as it likes
 * @throws the error of `work`; where several repositories failed, one error that names them all
 */
export async function askSources<T>(
  run: UpdateRun,
  work: (source: ReleaseSource, store: ReadStore, attempts: number | undefined) => Promise<T>,
): Promise<T> {
  const { sources } = run;
  const failures = new Map<string, SiltError>();
  const ask = async (locations: readonly string[], attempts?: number): Promise<{ answer: T } | undefined> => {
    for (const location of locations) {
      try {
        const source = await sources.open(location);
        const answer = await counted(run, source.store, (store) => work(source, store, attempts));
        sources.putFirst(location);
        return { answer };
      } catch (error) {
        if (run.signal?.aborted === true || !mirrorMayHelp(error)) throw error;
        failures.set(location, error);
        if (failures.size < sources.locations.length) {
          run.sayPassedBy(publicLocation(location), error);
        }
      }
    }
    return undefined;
  };
  const { locations } = sources;
  const mayPass = (location: string): boolean => isTransient(failures.get(location));
  const found =
    locations.length === 1
      ? await ask(locations)
      : ((await ask(locations, 1)) ?? (await ask(locations.filter(mayPass))));
  if (found === undefined) throw unanswered(failures);
  return found.answer;
}

/**
 * What `work` gives with the one store that has the objects of all repositories, so that what one of them does not
 * give comes from the next, in the middle of an object. All that comes over the network is counted.
 *
 * @throws the error of `work`, which names each repository that failed
 */
export async function askTogether<T>(
  run: UpdateRun,
  work: (source: ReleaseSource, store: ReadStore) => Promise<T>,
): Promise<T> {
  const { source, store } = await run.sources.together();
  return await counted(run, store, (within) => work(source, within));
}

async function counted<T>(
  run: UpdateRun,
  store: ReadStore,
  work: (store: ReadStore) => Promise<T>,
): Promise<T> {
  const { store: within, usage } = withBudget(store, {});
  try {
    return await work(within);
  } finally {
    run.usage.bytes += usage.bytes;
    run.usage.requests += usage.requests;
  }
}

/** One that may pass by itself decides: then asking again later makes sense. */
function unanswered(failures: ReadonlyMap<string, SiltError>): SiltError {
  const errors = [...failures.values()];
  const decisive = errors.find(isTransient) ?? errors[0];
  if (decisive === undefined) return new SiltError('CONFIG_INVALID', 'there is no repository to ask');
  if (errors.length === 1) return decisive;
  const { code, transient } = decisive;
  const told = [...failures].map(([location, { message }]) => `${publicLocation(location)}: ${message}`);
  return new SiltError(code, `none of ${told.length} repositories gave what was asked: ${told.join('; ')}`, {
    cause: decisive,
    transient,
  });
}
