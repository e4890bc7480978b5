/**
 * Uploads in parts that a killed run has left behind: found by the key of their object, so that the next run sends
 * only the parts that are missing. A part counts as sent when its size and its MD5, which S3 gives as its ETag, are
 * those of our bytes; under encryption with KMS the ETag is another one, and parts are sent again.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { ListMultipartUploadsCommand, ListPartsCommand } from '@aws-sdk/client-s3';
import { isSiltError } from '../core/errors.ts';
import { retryTransient } from '../core/retry.ts';
import type { Upload } from './s3-upload.ts';

/** A part that the server has. */
export interface StoredPart {
  readonly size: number;
  readonly etag: string;
  readonly crc32: string | undefined;
}

export interface Unfinished {
  readonly id: string;
  /** What it was begun with is what we would begin it with. */
  readonly isOurs: boolean;
}

/** Pages of 1000 that are looked at; more uploads of one object nobody has. */
const MAX_PAGES = 10;

/**
 * Unfinished uploads of this object, the newest first; none where the server does not tell, as it need not.
 *
 * @throws SiltError NETWORK; the reason of the signal
 */
export async function findUnfinished(upload: Upload): Promise<Unfinished[]> {
  const { session, key, headers, signal } = upload;
  const { Bucket, Key } = session.address(key);
  const found: { id: string; isOurs: boolean; begun: number }[] = [];
  let markers = {};
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const command = new ListMultipartUploadsCommand({ Bucket, Prefix: Key, ...markers });
    const answer = await ask(upload, () =>
      session.call({
        key,
        method: 'ListMultipartUploads',
        signal,
        run: (options) => session.client.send(command, options),
      }),
    );
    for (const one of answer?.Uploads ?? []) {
      if (one.Key !== Key || one.UploadId === undefined) continue;
      const isOurs =
        (one.StorageClass ?? 'STANDARD') === (headers.StorageClass ?? 'STANDARD') &&
        (one.ChecksumAlgorithm === 'CRC32') === (session.checksum.ChecksumAlgorithm === 'CRC32') &&
        // How an upload is encrypted is not told.
        headers.ServerSideEncryption === undefined;
      found.push({ id: one.UploadId, isOurs, begun: one.Initiated?.getTime() ?? 0 });
    }
    if (answer?.IsTruncated !== true) break;
    markers = { KeyMarker: answer.NextKeyMarker, UploadIdMarker: answer.NextUploadIdMarker };
  }
  return found.sort((a, b) => b.begun - a.begun);
}

/** The parts that upload `id` has, by number; none where the server does not tell. @throws as above */
export async function storedParts(upload: Upload, id: string): Promise<ReadonlyMap<number, StoredPart>> {
  const { session, key, signal } = upload;
  const parts = new Map<number, StoredPart>();
  let marker = {};
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const command = new ListPartsCommand({ ...session.address(key), UploadId: id, ...marker });
    const answer = await ask(upload, () =>
      session.call({
        key,
        method: 'ListParts',
        signal,
        run: (options) => session.client.send(command, options),
      }),
    );
    for (const { PartNumber: number, Size: size, ETag: etag, ChecksumCRC32: crc32 } of answer?.Parts ?? []) {
      if (number !== undefined && size !== undefined && etag !== undefined) {
        parts.set(number, { size, etag, crc32 });
      }
    }
    if (answer?.IsTruncated !== true) break;
    marker = { PartNumberMarker: answer.NextPartNumberMarker };
  }
  return parts;
}

/** True when `part` holds just these bytes. */
export function isSamePart(part: StoredPart, bytes: Uint8Array): boolean {
  if (part.size !== bytes.byteLength) return false;
  return part.etag.replaceAll('"', '') === createHash('md5').update(bytes).digest('hex');
}

/** Without an answer everything is sent, as if nothing had been left. */
async function ask<T>({ retry, signal }: Upload, send: () => Promise<T>): Promise<T | undefined> {
  try {
    return await retryTransient(send, { ...retry, signal });
  } catch (error) {
    if (isSiltError(error, 'STORE_REFUSED') && !error.transient) return undefined;
    if (isSiltError(error, 'OBJECT_MISSING')) return undefined;
    throw error;
  }
}
