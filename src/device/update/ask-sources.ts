/**
 * Asks the repositories of the configuration in their order until one answers. What the release itself or this
 * device forbids, no other repository changes.
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
 * What `work` gives with the first repository that answers; all that comes over the network is counted.
 *
 * @throws the error of `work`; where several repositories failed, one error that names them all
 */
export async function askSources<T>(
  run: UpdateRun,
  work: (source: ReleaseSource, store: ReadStore) => Promise<T>,
): Promise<T> {
  const failures: { readonly location: string; readonly error: SiltError }[] = [];
  const { repositories } = run.device.config;
  for (const location of repositories) {
    try {
      return await askSource(run, location, work);
    } catch (error) {
      if (run.signal?.aborted === true || !mirrorMayHelp(error)) throw error;
      failures.push({ location: publicLocation(location), error });
      if (failures.length === repositories.length) break;
      const message = `${error.message}; the next repository is asked`;
      run.say({
        level: 'warning',
        topic: 'repository',
        message,
        data: { location: publicLocation(location), code: error.code },
      });
    }
  }
  throw unanswered(failures);
}

async function askSource<T>(
  run: UpdateRun,
  location: string,
  work: (source: ReleaseSource, store: ReadStore) => Promise<T>,
): Promise<T> {
  const source = await run.device.openSource(location);
  const { store, usage } = withBudget(source.store, {});
  try {
    return await work(source, store);
  } finally {
    run.usage.bytes += usage.bytes;
    run.usage.requests += usage.requests;
    await source.close();
  }
}

/** One that may pass by itself decides: then asking again later makes sense. */
function unanswered(
  failures: readonly { readonly location: string; readonly error: SiltError }[],
): SiltError {
  const decisive = failures.find(({ error }) => isTransient(error)) ?? failures[0];
  if (decisive === undefined) return new SiltError('CONFIG_INVALID', 'there is no repository to ask');
  if (failures.length === 1) return decisive.error;
  const { code, transient } = decisive.error;
  const told = failures.map(({ location, error }) => `${location}: ${error.message}`).join('; ');
  return new SiltError(code, `none of ${failures.length} repositories gave what was asked: ${told}`, {
    cause: decisive.error,
    transient,
  });
}
