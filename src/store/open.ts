/**
 * From a location as a user writes it to the store behind it: a directory, an http(s) URL, `s3://bucket/prefix`;
 * or several of them, for the same repository.
 *
 * S3 is loaded only when asked for, so that a device's bundle needs no AWS SDK.
 *
 * @module
 */
import { fileURLToPath } from 'node:url';
import { isSiltError, SiltError } from '../core/errors.ts';
import { KiB } from '../core/sizes.ts';
import { readSmallFile } from '../io/read-small-file.ts';
import { openDirectoryStore } from './directory.ts';
import { openHttpStore } from './http.ts';
import { type HeaderSection, headersFor, parseHeaderFile } from './http-header-file.ts';
import type { HttpStoreOptions } from './http-options.ts';
import { type MirrorOptions, type Mirrors, openMirrors } from './mirrors.ts';
import { publicLocation } from './public-location.ts';
import { mergePutOptions, putOptionsOf, type S3PutOptions } from './put-options.ts';
import type { ReadStore, Store } from './store.ts';

export interface OpenStoreOptions {
  /**
   * The environment: HTTP_PROXY, HTTPS_PROXY, NO_PROXY; SILT_HTTP2=1 for HTTP/2 where a server offers it;
   * SILT_S3_PATH_STYLE=1 for servers that want the bucket in the path; SILT_S3_CHECKSUMS=supported for checksums
   * wherever the SDK can; SILT_S3_STORAGE_CLASS, SILT_S3_SSE, SILT_S3_CACHE_CONTROL_MUTABLE and SILT_S3_LOCK, see
   * `put-options.ts`. AWS_* is the SDK's own.
   */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Create the directory when it is missing. Default false. */
  readonly create?: boolean;
  /**
   * Names a file of headers for the repositories over HTTP, see `http-header-file.ts`. Default: what
   * SILT_HTTP_HEADERS_FILE names, and nothing without that.
   */
  readonly headerFile?: string;
  /** How HTTP connects, see `http-options.ts`. */
  readonly http?: Omit<HttpStoreOptions, 'env' | 'onRequest'>;
  /** How objects are put into S3, over what the environment says. */
  readonly s3?: S3PutOptions;
  /** Hears of every finished request over HTTP and S3. */
  readonly onRequest?: NonNullable<HttpStoreOptions['onRequest']>;
}

/** Several tokens of the largest kind. */
const MAX_HEADER_FILE: number = 64 * KiB;

/**
 * The store at `location`, to publish to.
 *
 * @throws SiltError USAGE when nothing can be written there; NOT_A_REPOSITORY when there is no such directory
 */
export async function openStore(location: string, options: OpenStoreOptions = {}): Promise<Store> {
  if (/^https?:/i.test(location)) {
    const shown = publicLocation(location);
    const message = `${shown} can only be read; to publish, give the directory or the s3:// location behind it`;
    throw new SiltError('USAGE', message, { details: { location: shown } });
  }
  if (/^s3:/i.test(location)) return await openS3(location, options);
  return await openDirectoryStore(directoryOf(location), { create: options.create ?? false });
}

/**
 * The store at `location`, to fetch from.
 *
 * @param locations all that are asked, when this is not the only one: headers without an origin are for one alone
 * @throws SiltError USAGE when it is no location; NOT_A_REPOSITORY when there is no such directory
 */
export async function openReadStore(
  location: string,
  options: OpenStoreOptions = {},
  locations: readonly string[] = [location],
): Promise<ReadStore> {
  return await openOne(location, options, await headerSections(options), locations);
}

/**
 * The store over all of `locations`, which hold the same repository; see `mirrors.ts`. A directory that is not
 * there counts as a place that is down.
 *
 * @throws SiltError as {@link openReadStore}; USAGE when one is given twice
 */
export async function openMirroredStore(
  locations: readonly string[],
  options: OpenStoreOptions & { readonly onFailure?: MirrorOptions['onFailure'] } = {},
): Promise<Mirrors> {
  const twice = locations.find((location, at) => locations.indexOf(location) !== at);
  if (twice !== undefined || locations.length === 0) {
    const found = twice === undefined ? 'none' : `${publicLocation(twice)} twice`;
    throw new SiltError('USAGE', `expected repositories to choose among, found ${found}`);
  }
  const sections = await headerSections(options);
  const stores: ReadStore[] = [];
  try {
    for (const location of locations) {
      stores.push(
        await openOne(location, options, sections, locations).catch((error: unknown) => {
          if (!isSiltError(error, 'NOT_A_REPOSITORY')) throw error;
          return absentStore(location, error);
        }),
      );
    }
  } catch (error) {
    await Promise.all(stores.map((store) => store.close()));
    throw error;
  }
  const { onFailure } = options;
  return openMirrors(stores, onFailure && { onFailure });
}

async function openOne(
  location: string,
  options: OpenStoreOptions,
  sections: readonly HeaderSection[],
  locations: readonly string[],
): Promise<ReadStore> {
  if (!/^https?:/i.test(location)) return await openStore(location, options);
  const { env = {}, http, onRequest } = options;
  const headers = { ...headersFor(sections, location, locations), ...http?.headers };
  const http2 = env.SILT_HTTP2 === '1';
  return openHttpStore(location, { http2, ...http, headers, env, ...(onRequest && { onRequest }) });
}

/** What the file of headers says; nothing without one. */
async function headerSections({ env = {}, headerFile }: OpenStoreOptions): Promise<readonly HeaderSection[]> {
  const path = headerFile ?? env.SILT_HTTP_HEADERS_FILE;
  if (path === undefined || path === '') return [];
  const bytes = await readSmallFile(path, MAX_HEADER_FILE);
  if (bytes !== undefined) return parseHeaderFile(bytes.toString('utf8'), path);
  const named = headerFile === undefined ? 'SILT_HTTP_HEADERS_FILE' : '--header-file';
  throw new SiltError('IO_FAILED', `there is no ${path}, which ${named} names; check the path`, {
    details: { path },
  });
}

/** A place that is not there; it may be, the next time. */
function absentStore(location: string, error: SiltError): ReadStore {
  const refuse = async (): Promise<never> => {
    throw error;
  };
  return {
    location,
    get: refuse,
    has: refuse,
    // biome-ignore lint/correctness/useYield: it throws before
    async *getRange() {
      throw error;
    },
    close: async () => {},
  };
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
  const puts = mergePutOptions(options.s3 ?? {}, putOptionsOf(env));
  const { openS3Store } = await import('./s3.ts');
  return openS3Store({
    ...puts,
    bucket,
    prefix: match?.[2] ?? '',
    forcePathStyle: env.SILT_S3_PATH_STYLE === '1',
    checksums,
    env,
    ...(onRequest && { onRequest }),
  });
}
