/**
 * A repository as fetch, verify and inspect read it: the store, what is trusted of it, and how sealed releases
 * of it are opened. With the options that say so.
 *
 * @module
 */
import type { Command } from 'commander';
import { SiltError } from '../core/errors.ts';
import type { MirrorUsage } from '../store/mirrors.ts';
import { openMirroredStore, openReadStore } from '../store/open.ts';
import type { ReadStore } from '../store/store.ts';
import { withRetry } from '../store/with-retry.ts';
import type { MetadataReader } from '../trust/releases.ts';
import type { OpenContentKey } from '../trust/seal/content-key.ts';
import { openTrust, type Trust } from './open-trust.ts';
import { collect, defaultStateDirectory, REPO_TO_READ } from './options.ts';
import type { Output } from './output.ts';
import { openContentKeys, type SealFlags, withSealOptions } from './seal-options.ts';
import { type TlsFlags, tlsOptions, withTlsOptions } from './tls-options.ts';
import { type TrustFlags, trustPolicy, warnWhenInsecure, withTrustOptions } from './trust-options.ts';

export interface RepositoryFlags extends TrustFlags, TlsFlags, SealFlags {
  readonly repo?: readonly string[];
  readonly headerFile?: string;
  readonly state?: string;
}

export interface OpenedRepository {
  readonly store: ReadStore;
  /** What came from where, of several repositories; `undefined` for one. */
  mirrors(): readonly MirrorUsage[] | undefined;
  readonly trust: Trust;
  /** How sealed releases are opened, if an option says it. @param from where envelopes are read */
  contentKey(from: () => MetadataReader): OpenContentKey | undefined;
  readonly stateDirectory: string;
}

export interface OpenRepositoryOptions {
  readonly output: Output;
  /** Closes the store. */
  readonly stack: AsyncDisposableStack;
  /** Longest wait for an answer or a piece of it, in milliseconds. */
  readonly waitMs?: number | undefined;
  /** Ask again where that may help; a fetch sees to that itself. */
  readonly retry?: boolean | undefined;
  /** Remember nothing beyond this run. */
  readonly forget?: boolean | undefined;
}

/** Adds `--repo`, which may be given several times. */
export function withRepoToRead(command: Command): Command {
  return command.option('--repo <location>', `${REPO_TO_READ}; several times: copies of one`, collect);
}

/** The repositories: those of `--repo`, else those that SILT_REPO lists with blanks between them. */
export function repositoriesOf(
  { repo }: Pick<RepositoryFlags, 'repo'>,
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  return repo ?? (env.SILT_REPO ?? '').split(/\s+/).filter((location) => location !== '');
}

/** Adds the options, `--repo` aside. */
export function withRepositoryOptions(command: Command): Command {
  command.option(
    '--header-file <file>',
    'headers for a CDN that wants to know who asks; or SILT_HTTP_HEADERS_FILE',
  );
  withTrustOptions(command).option('--state <directory>', 'where it is kept what was trusted and installed');
  return withTlsOptions(withSealOptions(command));
}

/**
 * Opens the repository, at whichever of its places answers. Warns when nothing of it is signed.
 *
 * @throws SiltError USAGE, IO_FAILED, NOT_A_REPOSITORY; TRUST_MALFORMED, CERT_* and KEY_UNUSABLE for files that
 *   are not what their options expect
 */
export async function openRepository(
  flags: RepositoryFlags,
  { output, stack, waitMs, retry, forget }: OpenRepositoryOptions,
): Promise<OpenedRepository> {
  const { env } = process;
  const stateDirectory = flags.state ?? defaultStateDirectory(env);
  const policy = trustPolicy(flags, env);
  const locations = repositoriesOf(flags, env);
  const [first] = locations;
  if (first === undefined) throw new SiltError('USAGE', 'expected --repo: where is the repository?');
  const tls = await tlsOptions(flags, locations.find((location) => /^https:/i.test(location)) ?? first);
  const contentKeys = await openContentKeys(flags);
  const trust = await openTrust(policy, { stateDirectory, forget });
  const wait = waitMs === undefined ? {} : { headersTimeoutMs: waitMs, bodyTimeoutMs: waitMs };
  const { headerFile } = flags;
  const opening = {
    env,
    http: { ...wait, ...(tls && { tls }) },
    ...(headerFile !== undefined && { headerFile }),
  };
  const mirrors =
    locations.length === 1
      ? undefined
      : await openMirroredStore(locations, { ...opening, onFailure: noting(output) });
  const once = mirrors ?? (await openReadStore(first, opening));
  const store = retry === true ? withRetry(once) : once;
  stack.defer(() => store.close());
  warnWhenInsecure(output, trust.mode);
  return {
    store,
    mirrors: () => mirrors?.usage(),
    trust,
    contentKey: (from) => rememberingKeys(contentKeys, from),
    stateDirectory,
  };
}

/** Says of each place once that it is passed by, and why. */
function noting(output: Output): (location: string, error: SiltError) => void {
  const told = new Set<string>();
  return (location, error) => {
    // Nothing is wrong with a copy that has less than another.
    if (error.code === 'OBJECT_MISSING' || told.has(location)) return;
    told.add(location);
    output.note(`${location} is passed by for now: ${error.message}`);
  };
}

/** Content keys that are opened once, since they remember envelopes; `undefined` where there are none. */
export function rememberingKeys(
  contentKeys: ((store: MetadataReader) => OpenContentKey) | undefined,
  from: () => MetadataReader,
): OpenContentKey | undefined {
  if (contentKeys === undefined) return undefined;
  let opened: OpenContentKey | undefined;
  return (manifest) => {
    opened ??= contentKeys(from());
    return opened(manifest);
  };
}
