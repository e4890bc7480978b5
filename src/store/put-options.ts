/**
 * How objects are put into S3, beyond their bytes: storage class, encryption by the server, caching, and who sees
 * to it that two writers do not overwrite each other. Access control lists are never sent: buckets made today refuse
 * them, and who may read is the business of the bucket's policy.
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';
import { cacheControl, MUTABLE_CACHE_CONTROL } from './object-headers.ts';
import type { Key } from './store.ts';

export interface S3PutOptions {
  /** Of packs, indexes and deltas, by S3's name; metadata stays in the bucket's own. Default: the bucket's. */
  readonly storageClass?: string | undefined;
  /** How the server encrypts every object. Default: as the bucket says. */
  readonly encryption?: S3Encryption | undefined;
  /** Cache-Control of the one object that changes under its name. Default {@link MUTABLE_CACHE_CONTROL}. */
  readonly mutableCacheControl?: string | undefined;
  /**
   * Who excludes other writers: `server` by conditional writes (default); `caller`: a lock that the caller holds, and
   * the store only looks before it writes.
   */
  readonly exclusion?: 'server' | 'caller' | undefined;
}

export interface S3Encryption {
  readonly algorithm: 'AES256' | 'aws:kms' | 'aws:kms:dsse';
  /** Of KMS; default: the account's own for S3. */
  readonly keyId?: string;
}

/** Headers of one object, by the names of the SDK. */
export interface S3PutHeaders {
  readonly CacheControl: string;
  readonly StorageClass?: string;
  readonly ServerSideEncryption?: S3Encryption['algorithm'];
  readonly SSEKMSKeyId?: string;
}

/** What may lie in a class with other prices; the rest is small, and read at once. */
const BULK = /^(packs|indexes|deltas)\//;

/** Classes whose objects have to be brought back, for hours, before anybody can read them. */
const ARCHIVES: ReadonlySet<string> = new Set(['GLACIER', 'DEEP_ARCHIVE']);

/** The headers of `key`. */
export function putHeaders(key: Key, options: S3PutOptions): S3PutHeaders {
  const { storageClass, encryption, mutableCacheControl } = options;
  return {
    CacheControl: cacheControl(key, mutableCacheControl),
    ...(storageClass !== undefined && BULK.test(key) && { StorageClass: storageClass }),
    ...(encryption && { ServerSideEncryption: encryption.algorithm }),
    ...(encryption?.keyId !== undefined && { SSEKMSKeyId: encryption.keyId }),
  };
}

/** @param source the option or variable, for the message @throws SiltError USAGE */
export function parseStorageClass(text: string, source: string): string {
  if (ARCHIVES.has(text)) {
    throw new SiltError(
      'USAGE',
      `${source}: objects in ${text} must be restored before anybody can read them; take one such as STANDARD_IA or GLACIER_IR`,
    );
  }
  if (/^[A-Z][A-Z0-9_]{0,63}$/.test(text)) return text;
  throw new SiltError(
    'USAGE',
    `expected ${source} to be a storage class such as STANDARD_IA, found "${text}"`,
  );
}

/**
 * `AES256`, `aws:kms`, `aws:kms:dsse`; the last two with `:KEY`, the id, alias or ARN of a key.
 *
 * @param source the option or variable, for the message
 * @throws SiltError USAGE
 */
export function parseEncryption(text: string, source: string): S3Encryption {
  const match = /^(AES256|aws:kms:dsse|aws:kms)(?::([!-~]{1,2048}))?$/.exec(text);
  const algorithm = match?.[1] as S3Encryption['algorithm'] | undefined;
  const keyId = match?.[2];
  if (algorithm === undefined || (algorithm === 'AES256' && keyId !== undefined)) {
    throw new SiltError('USAGE', `expected ${source} to be AES256, aws:kms or aws:kms:KEY, found "${text}"`);
  }
  return { algorithm, ...(keyId !== undefined && { keyId }) };
}

/** Directives of RFC 9111, §5.2. @param source the option or variable, for the message @throws SiltError USAGE */
export function parseMutableCacheControl(text: string, source: string): string {
  const isDirectives = /^[\w-]+(=[\w-]+)?(\s*,\s*[\w-]+(=[\w-]+)?)*$/.test(text) && text.length <= 256;
  if (isDirectives && !/immutable/i.test(text)) return text;
  throw new SiltError(
    'USAGE',
    `expected ${source} to be what a cache is told of an object that changes, such as ${MUTABLE_CACHE_CONTROL} or max-age=60, found "${text}"`,
  );
}

/**
 * What the environment says: SILT_S3_STORAGE_CLASS, SILT_S3_SSE, SILT_S3_CACHE_CONTROL_MUTABLE, and SILT_S3_LOCK=held.
 *
 * @throws SiltError USAGE
 */
export function putOptionsOf(env: Readonly<Record<string, string | undefined>>): S3PutOptions {
  const read = <T>(name: string, parse: (text: string, source: string) => T): T | undefined =>
    env[name] ? parse(env[name], name) : undefined;
  return {
    storageClass: read('SILT_S3_STORAGE_CLASS', parseStorageClass),
    encryption: read('SILT_S3_SSE', parseEncryption),
    mutableCacheControl: read('SILT_S3_CACHE_CONTROL_MUTABLE', parseMutableCacheControl),
    exclusion: read('SILT_S3_LOCK', parseLock),
  };
}

/** @throws SiltError USAGE */
export function parseLock(text: string, source: string): 'caller' {
  if (text === 'held') return 'caller';
  throw new SiltError(
    'USAGE',
    `expected ${source} to be "held", which says that a lock around this command keeps all other writers of the repository out; found "${text}"`,
  );
}

/** `first`, and from `second` what it leaves open. */
export function mergePutOptions(first: S3PutOptions, second: S3PutOptions): S3PutOptions {
  return {
    storageClass: first.storageClass ?? second.storageClass,
    encryption: first.encryption ?? second.encryption,
    mutableCacheControl: first.mutableCacheControl ?? second.mutableCacheControl,
    exclusion: first.exclusion ?? second.exclusion,
  };
}
