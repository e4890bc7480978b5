/**
 * Uploads in parts, for bodies too large for one request: read as they are sent, a few parts at a time,
 * repeated part by part. What a killed run has left is gone on with; what cannot be completed is taken back, and what
 * may be, by the next run, stays.
 *
 * The object appears with the last request, on the condition that there is none yet. Two publishers that go on with
 * the same upload send the same parts: whoever completes it first has created the object for both.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html (limits)
 *
 * @module
 */
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandInput,
  HeadObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { isSiltError, isTransient, SiltError } from '../core/errors.ts';
import { type RetryOptions, retryTransient } from '../core/retry.ts';
import { MiB } from '../core/sizes.ts';
import { bodySize, openBody } from './body-source.ts';
import { findUnfinished, isSamePart, type StoredPart, storedParts } from './s3-resume.ts';
import type { S3Session } from './s3-session.ts';
import type { Body, Key } from './store.ts';

/** S3's own limit. */
const MAX_PARTS = 10_000;

/** Smallest part silt makes; S3 takes 5 MiB. Larger parts are fewer requests, each dearer to repeat. */
const MIN_PART_BYTES = 8 * MiB;

/** Parts on their way together hold at most this much memory, or one part if that is more. */
const MAX_BYTES_IN_FLIGHT = 32 * MiB;

/** What goes with an object besides its bytes. */
export type UploadHeaders = Pick<
  CreateMultipartUploadCommandInput,
  'ContentType' | 'CacheControl' | 'StorageClass' | 'ServerSideEncryption' | 'SSEKMSKeyId'
>;

/** One object on its way up. */
export interface Upload {
  readonly session: S3Session;
  readonly key: Key;
  readonly body: Body;
  readonly headers: UploadHeaders;
  /** The server is to refuse when the object is there already. */
  readonly isConditional: boolean;
  readonly retry: RetryOptions;
  readonly signal: AbortSignal | undefined;
}

/** The part size, in bytes, for a body of `size` bytes: whole MiB, at least 8, at most 10,000 parts. */
export function partSize(size: number): number {
  return Math.max(MIN_PART_BYTES, Math.ceil(size / MAX_PARTS / MiB) * MiB);
}

/** Times an upload may vanish under us before that is an error: another publisher ended it. */
const MAX_RESTARTS = 3;

/**
 * Uploads the body in parts and creates the object unless there is one.
 *
 * @throws SiltError as the store does; the parts are removed again unless the next run may use them
 */
export async function uploadInParts(upload: Upload): Promise<'created' | 'exists'> {
  for (let restart = 0; ; restart += 1) {
    const unfinished = await findUnfinished(upload);
    const mine = restart === 0 ? unfinished.find(({ isOurs }) => isOurs) : undefined;
    const sent: ReadonlyMap<number, StoredPart> = mine ? await storedParts(upload, mine.id) : new Map();
    const begun = mine === undefined ? await beginUpload(upload) : { id: mine.id, isAlone: true };
    const { id } = begun;
    try {
      const outcome = await completeUpload(upload, id, await sendParts(upload, id, sent));
      // Nobody needs the others any more; parts that stay would be paid for.
      const others = begun.isAlone ? unfinished : await findUnfinished(upload).catch(() => unfinished);
      for (const other of others) if (other.id !== id) await abandon(upload, other.id);
      return outcome;
    } catch (error) {
      if (isGone(error)) {
        if ((await sizeOf(upload)) !== undefined) return 'exists';
        if (restart < MAX_RESTARTS) continue;
      } else if (!isResumable(error, upload.signal)) {
        await abandon(upload, id);
      }
      throw error;
    }
  }
}

interface Begun {
  readonly id: string;
  /** False when another was begun, perhaps, whose id was lost with the answer. */
  readonly isAlone: boolean;
}

async function beginUpload({ session, key, headers, retry, signal }: Upload): Promise<Begun> {
  const create = new CreateMultipartUploadCommand({
    ...session.address(key),
    ...headers,
    ...session.checksum,
  });
  let attempts = 0;
  const { UploadId: id } = await retryTransient(
    (attempt) => {
      attempts = attempt;
      return session.call({
        key,
        method: 'CreateMultipartUpload',
        signal,
        run: (options) => session.client.send(create, options),
      });
    },
    { ...retry, signal },
  );
  if (id !== undefined) return { id, isAlone: attempts === 1 };
  throw new SiltError('STORE_REFUSED', `${session.location} gave no id for an upload`);
}

/** Another publisher has completed the upload, or taken it back. */
function isGone(error: unknown): boolean {
  return isSiltError(error) && error.details.s3Error === 'NoSuchUpload';
}

/** The next run will want the parts: this one was interrupted, or ends for something that passes. */
function isResumable(error: unknown, signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true || isTransient(error);
}

/** Sends all parts but those of `sent`, a few at a time; the first that fails for good stops the others. */
async function sendParts(
  upload: Upload,
  id: string,
  sent: ReadonlyMap<number, StoredPart>,
): Promise<CompletedPart[]> {
  const { body } = upload;
  const size = bodySize(body);
  const length = partSize(size);
  const count = Math.ceil(size / length);
  const senders = Math.min(count, Math.max(1, Math.floor(MAX_BYTES_IN_FLIGHT / length)));
  const parts: CompletedPart[] = new Array(count);
  const stop = new AbortController();
  const signal = upload.signal ? AbortSignal.any([upload.signal, stop.signal]) : stop.signal;
  const source = await openBody(body);
  let next = 0;
  const sender = async (): Promise<void> => {
    const buffer = body instanceof Uint8Array ? undefined : Buffer.allocUnsafeSlow(length);
    while (next < count) {
      const index = next;
      next += 1;
      const offset = index * length;
      const bytes = await source.read(offset, Math.min(length, size - offset), buffer);
      const there = sent.get(index + 1);
      parts[index] =
        there !== undefined && isSamePart(there, bytes)
          ? completed(index + 1, there.etag, there.crc32)
          : await sendPart({ ...upload, signal }, id, index + 1, bytes);
    }
  };
  const failures: unknown[] = [];
  const guarded = (): Promise<void> =>
    sender().catch((error: unknown) => {
      failures.push(error);
      stop.abort(error);
    });
  await Promise.all(Array.from({ length: senders }, guarded));
  await source.close();
  if (failures.length > 0) throw failures[0];
  return parts;
}

async function sendPart(
  upload: Upload,
  id: string,
  number: number,
  bytes: Uint8Array,
): Promise<CompletedPart> {
  const { session, key, signal, retry } = upload;
  const part = { UploadId: id, PartNumber: number, Body: bytes, ContentLength: bytes.byteLength };
  const input = { ...session.address(key), ...part, ...session.checksum };
  const send = () =>
    session.call({
      key,
      method: 'UploadPart',
      signal,
      sends: bytes.byteLength,
      run: (options) => session.client.send(new UploadPartCommand(input), options),
    });
  const { ETag, ChecksumCRC32 } = await retryTransient(send, { ...retry, signal });
  return completed(number, ETag, ChecksumCRC32);
}

function completed(
  number: number,
  ETag: string | undefined,
  ChecksumCRC32: string | undefined,
): CompletedPart {
  return {
    PartNumber: number,
    ...(ETag !== undefined && { ETag }),
    ...(ChecksumCRC32 !== undefined && { ChecksumCRC32 }),
  };
}

async function completeUpload(
  upload: Upload,
  id: string,
  parts: CompletedPart[],
): Promise<'created' | 'exists'> {
  const { session, key, signal, retry } = upload;
  const complete = new CompleteMultipartUploadCommand({
    ...session.address(key),
    UploadId: id,
    MultipartUpload: { Parts: parts },
    ...(upload.isConditional && { IfNoneMatch: '*' }),
  });
  const send = async (attempt: number): Promise<'created' | 'exists'> => {
    try {
      await session.call({
        key,
        method: 'CompleteMultipartUpload',
        signal,
        run: (options) => session.client.send(complete, options),
      });
      return 'created';
    } catch (error) {
      const { status, s3Error } = isSiltError(error) ? error.details : {};
      if (status !== 412 && s3Error !== 'NoSuchUpload') throw error;
      // What is there, of this size, an earlier try has made whose answer was lost.
      const isOwn = attempt > 1 && (await sizeOf(upload)) === bodySize(upload.body);
      if (status !== 412 && !isOwn) throw error;
      // Where it was somebody else after all, our parts would stay.
      await abandon(upload, id);
      return isOwn ? 'created' : 'exists';
    }
  };
  return await retryTransient(send, { ...retry, signal });
}

/** Of the object that is there; `undefined` when there is none. */
async function sizeOf({ session, key, signal }: Upload): Promise<number | undefined> {
  const command = new HeadObjectCommand(session.address(key));
  try {
    const found = await session.call({
      key,
      method: 'HeadObject',
      signal,
      run: (options) => session.client.send(command, options),
    });
    return found.ContentLength ?? 0;
  } catch (error) {
    if (isSiltError(error, 'OBJECT_MISSING')) return undefined;
    throw error;
  }
}

/** Parts that stay would be paid for. What goes wrong here is less than what led here. */
async function abandon({ session, key }: Upload, id: string): Promise<void> {
  const command = new AbortMultipartUploadCommand({ ...session.address(key), UploadId: id });
  const run = () => session.client.send(command);
  await session.call({ key, method: 'AbortMultipartUpload', signal: undefined, run }).catch(() => {});
}
