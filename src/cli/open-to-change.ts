/**
 * The repository that a command changes, or only looks at with the keys of somebody who may change it: opened in one
 * place, so that none forgets to ask the server whether it keeps writers apart, and `--lock held` means the same
 * everywhere.
 *
 * @module
 */
import { openStore } from '../store/open.ts';
import { putOptionsOf, type S3PutOptions } from '../store/put-options.ts';
import type { Store } from '../store/store.ts';
import { withRetry } from '../store/with-retry.ts';
import { isS3, type PutFlags, putOptions } from './put-flags.ts';

/**
 * What the command does there.
 *
 * - `change`: replaces what others may replace at the same moment, so the server has to keep writers apart.
 * - `add`: adds objects that are named by their digest, and nothing else. Who is second writes the same bytes.
 * - `read`: writes nothing, such as with `--dry-run`, or where the change goes into a stage.
 */
export type RepositoryUse = 'change' | 'add' | 'read';

export interface OpenToChangeOptions {
  readonly use: RepositoryUse;
  /** Closes the store. */
  readonly stack: AsyncDisposableStack;
  readonly signal: AbortSignal;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Make a directory that is missing. Default false. */
  readonly create?: boolean | undefined;
  /** How often a request that may yet succeed is made. Default: that of `with-retry.ts`. */
  readonly attempts?: number | undefined;
  /** Hears of every finished request to S3. */
  readonly onRequest?: (() => void) | undefined;
}

/**
 * The store at `location`, which asks again where that may help.
 *
 * @throws SiltError USAGE, NOT_A_REPOSITORY; STORE_REFUSED when the server would let two writers lose each other's
 *   changes, and nobody says that a lock keeps the others out; store errors
 */
export async function openToChange(
  location: string,
  flags: PutFlags,
  { use, stack, signal, env, create = false, attempts, onRequest }: OpenToChangeOptions,
): Promise<Store> {
  const s3 = putOptions(location, flags);
  const opened = await openStore(location, { env, create, s3, ...(onRequest && { onRequest }) });
  const store = withRetry(opened, attempts === undefined ? {} : { attempts });
  stack.defer(() => store.close());
  if (use === 'change' && isS3(location) && !isLocked(s3, env)) {
    const { requireExclusiveWrites } = await import('../publisher/require-exclusive-writes.ts');
    await requireExclusiveWrites(store, signal);
  }
  return store;
}

function isLocked({ exclusion }: S3PutOptions, env: OpenToChangeOptions['env']): boolean {
  return (exclusion ?? putOptionsOf(env).exclusion) === 'caller';
}
