/**
 * From a location as a user writes it to the store behind it: a directory, an http(s) URL, `s3://bucket/prefix`.
 *
 * S3 is loaded only when asked for, so that a device's bundle needs no AWS SDK.
 *
 * @module
 */
import { fileURLToPath } from 'node:url';
import { SiltError } from '../core/errors.ts';
import { openDirectoryStore } from './directory.ts';
import { openHttpStore } from './http.ts';
import type { HttpStoreOptions } from './http-options.ts';
import type { ReadStore, Store } from './store.ts';

export interface OpenStoreOptions {
  /**
   * The environment: HTTP_PROXY, HTTPS_PROXY, NO_PROXY; SILT_S3_PATH_STYLE=1 for servers that want the bucket
   * in the path; SILT_S3_CHECKSUMS=supported for checksums wherever the SDK can. AWS_* is the SDK's own.
   */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Create the directory when it is missing. Default false. */
  readonly create?: boolean;
  /** How HTTP connects, see `http-options.ts`. */
  readonly http?: Omit<HttpStoreOptions, 'env' | 'onRequest'>;
  /** Hears of every finished request over HTTP and S3. */
  readonly onRequest?: NonNullable<HttpStoreOptions['onRequest']>;
}

/**
 * The store at `location`, to publish to.
 *
 * @throws SiltError USAGE when nothing can be written there; NOT_A_REPOSITORY when there is no such directory
 */
export async function openStore(location: string, options: OpenStoreOptions = {}): Promise<Store> {
  if (/^https?:/i.test(location)) {
    const message = `${location} can only be read; to publish, give the directory or the s3:// location behind it`;
    throw new SiltError('USAGE', message, { details: { location } });
  }
  if (/^s3:/i.test(location)) return await openS3(location, options);
  return await openDirectoryStore(directoryOf(location), { create: options.create ?? false });
}

/**
 * The store at `location`, to fetch from.
 *
 * @throws SiltError USAGE when it is no location; NOT_A_REPOSITORY when there is no such directory
 */
export async function openReadStore(location: string, options: OpenStoreOptions = {}): Promise<ReadStore> {
  if (!/^https?:/i.test(location)) return await openStore(location, options);
  const { env = {}, http, onRequest } = options;
  return openHttpStore(location, { ...http, env, ...(onRequest && { onRequest }) });
}

function directoryOf(location: string): string {
  if (/^file:/i.test(location) && URL.canParse(location)) return fileURLToPath(location);
  if (location !== '' && !/^[a-z][a-z0-9+.-]*:\/\//i.test(location)) return location;
  const message = `expected a directory, an http(s):// URL or s3://bucket/prefix, found "${location}"`;
  throw new SiltError('USAGE', message, { details: { location } });
}

async function openS3(location: string, options: OpenStoreOptions): Promise<Store> {
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/i.exec(location);
  const bucket = match?.[1];
  if (bucket === undefined) {
    throw new SiltError('USAGE', `expected s3://bucket/prefix, found "${location}"`, {
      details: { location },
    });
  }
  const { env = {}, onRequest } = options;
  const checksums = env.SILT_S3_CHECKSUMS ?? 'required';
  if (checksums !== 'required' && checksums !== 'supported') {
    const message = `expected SILT_S3_CHECKSUMS to be required or supported, found "${checksums}"`;
    throw new SiltError('USAGE', message);
  }
  const { openS3Store } = await import('./s3.ts');
  return openS3Store({
    bucket,
    prefix: match?.[2] ?? '',
    forcePathStyle: env.SILT_S3_PATH_STYLE === '1',
    checksums,
    env,
    ...(onRequest && { onRequest }),
  });
}
