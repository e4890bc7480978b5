/**
 * The options that say how objects are put into a repository over S3.
 *
 * @module
 */
import type { Command } from 'commander';
import { SiltError } from '../core/errors.ts';
import {
  parseEncryption,
  parseLock,
  parseMutableCacheControl,
  parseStorageClass,
  type S3Encryption,
  type S3PutOptions,
} from '../store/put-options.ts';

export interface PutFlags {
  readonly storageClass?: string;
  readonly sse?: S3Encryption;
  readonly cacheControlMutable?: string;
  readonly lock?: 'caller';
}

export type LockFlags = Pick<PutFlags, 'lock'>;

/** Adds `--lock`. */
export function withLockOption(command: Command): Command {
  return command.option(
    '--lock <held>',
    'S3: "held" says that a lock around this command keeps all other writers out; or SILT_S3_LOCK',
    (text: string) => parseLock(text, '--lock'),
  );
}

/** Adds `--storage-class`, `--sse`, `--cache-control-mutable` and `--lock`. */
export function withPutOptions(command: Command): Command {
  command
    .option(
      '--storage-class <class>',
      "S3: of packs, indexes and deltas, by S3's name; or SILT_S3_STORAGE_CLASS",
      (text: string) => parseStorageClass(text, '--storage-class'),
    )
    .option(
      '--sse <kind>',
      'S3: the server encrypts, with AES256, aws:kms or aws:kms:KEY; or SILT_S3_SSE',
      (text: string) => parseEncryption(text, '--sse'),
    )
    .option(
      '--cache-control-mutable <value>',
      'S3: Cache-Control of metadata/timestamp.json, by default no-cache; or SILT_S3_CACHE_CONTROL_MUTABLE',
      (text: string) => parseMutableCacheControl(text, '--cache-control-mutable'),
    );
  return withLockOption(command);
}

/**
 * How objects are put into `location`.
 *
 * @throws SiltError USAGE for flags that mean nothing there
 */
export function putOptions(location: string, flags: PutFlags): S3PutOptions {
  const options: S3PutOptions = {
    storageClass: flags.storageClass,
    encryption: flags.sse,
    mutableCacheControl: flags.cacheControlMutable,
    exclusion: flags.lock,
  };
  if (isS3(location) || Object.values(options).every((value) => value === undefined)) return options;
  throw new SiltError(
    'USAGE',
    `--storage-class, --sse, --cache-control-mutable and --lock are for s3:// repositories, found ${location}`,
  );
}

/** True when a server has to keep writers apart there, of which there are many kinds. */
export function isS3(location: string): boolean {
  return /^s3:/i.test(location);
}
