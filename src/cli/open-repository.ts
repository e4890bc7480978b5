/**
 * A repository as fetch, verify and inspect read it: the store, what is trusted of it, and how sealed releases
 * of it are opened. With the options that say so.
 *
 * @module
 */
import type { Command } from 'commander';
import { openReadStore } from '../store/open.ts';
import type { ReadStore } from '../store/store.ts';
import { withRetry } from '../store/with-retry.ts';
import type { MetadataReader } from '../trust/releases.ts';
import type { OpenContentKey } from '../trust/seal/content-key.ts';
import { openTrust, type Trust } from './open-trust.ts';
import { defaultStateDirectory } from './options.ts';
import type { Output } from './output.ts';
import { openContentKeys, type SealFlags, withSealOptions } from './seal-options.ts';
import { type TlsFlags, tlsOptions, withTlsOptions } from './tls-options.ts';
import { type TrustFlags, trustPolicy, warnWhenInsecure, withTrustOptions } from './trust-options.ts';

export interface RepositoryFlags extends TrustFlags, TlsFlags, SealFlags {
  readonly state?: string;
}

export interface OpenedRepository {
  readonly store: ReadStore;
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

/** Adds the options, `--repo` aside. */
export function withRepositoryOptions(command: Command): Command {
  withTrustOptions(command).option('--state <directory>', 'where it is kept what was trusted and installed');
  return withTlsOptions(withSealOptions(command));
}

/**
 * Opens the repository at `location`. Warns when nothing of it is signed.
 *
 * @throws SiltError USAGE, IO_FAILED, NOT_A_REPOSITORY; TRUST_MALFORMED, CERT_* and KEY_UNUSABLE for files that
 *   are not what their options expect
 */
export async function openRepository(
  location: string,
  flags: RepositoryFlags,
  { output, stack, waitMs, retry, forget }: OpenRepositoryOptions,
): Promise<OpenedRepository> {
  const { env } = process;
  const stateDirectory = flags.state ?? defaultStateDirectory(env);
  const policy = trustPolicy(flags, env);
  const tls = await tlsOptions(flags, location);
  const contentKeys = await openContentKeys(flags);
  const trust = await openTrust(policy, { stateDirectory, forget });
  const wait = waitMs === undefined ? {} : { headersTimeoutMs: waitMs, bodyTimeoutMs: waitMs };
  const once = await openReadStore(location, { env, http: { ...wait, ...(tls && { tls }) } });
  const store = retry === true ? withRetry(once) : once;
  stack.defer(() => store.close());
  warnWhenInsecure(output, trust.mode);
  return {
    store,
    trust,
    contentKey(from) {
      if (contentKeys === undefined) return undefined;
      // Opened once: it remembers envelopes.
      let opened: OpenContentKey | undefined;
      return (manifest) => {
        opened ??= contentKeys(from());
        return opened(manifest);
      };
    },
    stateDirectory,
  };
}
