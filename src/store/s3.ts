/**
 * The Store over S3 and servers that speak like it. Writers exclude one another by conditional writes
 * (If-None-Match, If-Match), so no lock is left behind by one that dies.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 *
 * Only this file and its `s3-*` parts know the AWS SDK; `open.ts` loads them when an `s3://` location is given.
 * Credentials, region and endpoint come from the SDK's own chain.
 *
 * @module
 */
import {
  DeleteObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type PutObjectCommandInput,
} from '@aws-sdk/client-s3';
import { concatBytes } from '../core/bytes.ts';
import { isSiltError, SiltError } from '../core/errors.ts';
import type { RetryOptions } from '../core/retry.ts';
import { MiB } from '../core/sizes.ts';
import { bodySize, readBody } from './body-source.ts';
import { checkRangeAnswer, contentLength, headerOf, longBody, shortBody } from './http-answer.ts';
import { checkKey, checkRange, isKey, objectTooLarge } from './key.ts';
import { contentType } from './object-headers.ts';
import { putHeaders, type S3PutOptions } from './put-options.ts';
import { openDownload } from './s3-download.ts';
import { S3Session, type S3SessionOptions } from './s3-session.ts';
import { type UploadHeaders, uploadInParts } from './s3-upload.ts';
import type {
  Body,
  ByteRange,
  CallOptions,
  Key,
  ObjectInfo,
  PutOptions,
  Store,
  StoredObject,
} from './store.ts';

export interface S3StoreOptions extends S3SessionOptions, S3PutOptions {
  /** How single parts of a large upload are repeated; whole calls are the business of with-retry. */
  readonly retry?: Omit<RetryOptions, 'signal'>;
}

/** Larger bodies go up in parts. Packs, of at most 16 MiB, take one request. */
const MAX_SINGLE_BYTES = 16 * MiB;

/** The Store over `s3://bucket/prefix`. Opens no connection yet. */
export function openS3Store(options: S3StoreOptions): Store {
  return new S3Store(new S3Session(options), options);
}

class S3Store implements Store {
  readonly location: string;
  readonly #session: S3Session;
  readonly #retry: RetryOptions;
  readonly #puts: S3PutOptions;

  constructor(session: S3Session, options: S3StoreOptions) {
    this.location = session.location;
    this.#session = session;
    this.#retry = options.retry ?? {};
    this.#puts = options;
  }

  get #isConditional(): boolean {
    return this.#puts.exclusion !== 'caller';
  }

  async get(
    key: Key,
    options: CallOptions & { readonly maxBytes: number },
  ): Promise<StoredObject | undefined> {
    checkKey(key);
    const { signal, maxBytes } = options;
    const found = await orMissing(openDownload(this.#session, key, undefined, signal));
    if (found === undefined) return undefined;
    try {
      const declared = contentLength(found.headers);
      if ((declared ?? 0) > maxBytes) throw objectTooLarge(key, maxBytes, declared ?? 0);
      const chunks: Uint8Array[] = [];
      let size = 0;
      for await (const chunk of found.bytes()) {
        size += chunk.byteLength;
        if (size > maxBytes) throw objectTooLarge(key, maxBytes, size);
        chunks.push(chunk);
      }
      if (declared !== undefined && size !== declared) throw shortBody(key, declared, size);
      return { bytes: concatBytes(chunks), ...etagOf(headerOf(found.headers, 'etag')) };
    } finally {
      found.end();
    }
  }

  async *getRange(key: Key, range: ByteRange, options: CallOptions = {}): AsyncGenerator<Uint8Array> {
    checkKey(key);
    checkRange(key, range);
    const found = await openDownload(this.#session, key, range, options.signal);
    try {
      checkRangeAnswer(found.status, found.headers, key, range);
      let received = 0;
      for await (const chunk of found.bytes()) {
        received += chunk.byteLength;
        if (received > range.length) throw longBody(key, range.length);
        yield chunk;
      }
      if (received < range.length) throw shortBody(key, range.length, received);
    } finally {
      found.end();
    }
  }

  async has(key: Key, options: CallOptions = {}): Promise<ObjectInfo | undefined> {
    checkKey(key);
    try {
      return await this.#head(key, options);
    } catch (error) {
      const { status } = isSiltError(error, 'STORE_REFUSED') ? error.details : {};
      if (status !== 400 && status !== 403) throw error;
      // The answer to HEAD has no body, so no reason. That to GET has, and what can be mended is mended there.
      const found = await openDownload(this.#session, key, { offset: 0, length: 1 }, options.signal).catch(
        (reason: unknown) => {
          if (!isSiltError(reason, 'OBJECT_MISSING') && !isSiltError(reason, 'RANGE_INVALID')) throw reason;
        },
      );
      found?.end();
      return await this.#head(key, options);
    }
  }

  async #head(key: Key, { signal }: CallOptions): Promise<ObjectInfo | undefined> {
    const command = new HeadObjectCommand(this.#session.address(key));
    const head = this.#session.call({
      key,
      method: 'HeadObject',
      signal,
      run: (send) => this.#session.client.send(command, send),
    });
    const found = await orMissing(head);
    const modified = found?.LastModified?.getTime();
    return (
      found && {
        size: found.ContentLength ?? 0,
        ...etagOf(found.ETag),
        ...(modified !== undefined && Number.isFinite(modified) && { modified }),
      }
    );
  }

  async putIfAbsent(key: Key, body: Body, options: PutOptions = {}): Promise<'created' | 'exists'> {
    checkKey(key);
    const { signal } = options;
    const size = bodySize(body);
    try {
      const isSmall = size <= MAX_SINGLE_BYTES;
      const isConditional = this.#isConditional;
      // Asked first, as much would be sent for nothing, or as nobody else asks.
      if ((!isSmall || !isConditional) && (await this.has(key, options)) !== undefined) return 'exists';
      if (isSmall) {
        await this.#put(key, await readBody(body), isConditional ? { IfNoneMatch: '*' } : {}, options);
        return 'created';
      }
      const upload = { session: this.#session, key, body, headers: this.#headersOf(key, options) };
      return await uploadInParts({ ...upload, isConditional, signal, retry: this.#retry });
    } catch (error) {
      if (!isConflict(error)) throw error;
      // 409: somebody else was writing it at the same moment, and may or may not have finished.
      if (error.details.status === 412 || (await this.has(key, options)) !== undefined) return 'exists';
      const message = `${key} is being written by somebody else; try again`;
      throw new SiltError('NETWORK', message, { details: error.details, cause: error, transient: true });
    }
  }

  async putIfMatch(
    key: Key,
    bytes: Uint8Array,
    etag: string | undefined,
    options: PutOptions = {},
  ): Promise<string> {
    checkKey(key);
    const condition = etag === undefined ? { IfNoneMatch: '*' } : { IfMatch: etag };
    if (!this.#isConditional && (await this.has(key, options))?.etag !== etag) throw changed(key, etag);
    try {
      const found = await this.#put(key, bytes, this.#isConditional ? condition : {}, options);
      const next = found.ETag ?? (await this.has(key, options))?.etag;
      if (next !== undefined) return next;
      throw new SiltError('STORE_REFUSED', `${this.location} gives no ETag, so ${key} cannot be kept safe`);
    } catch (error) {
      if (!isConflict(error) && !isSiltError(error, 'OBJECT_MISSING')) throw error;
      throw changed(key, etag, error);
    }
  }

  async *list(prefix: string, options: CallOptions = {}): AsyncGenerator<{ key: Key; size: number }> {
    const { bucket: Bucket, prefix: own, client } = this.#session;
    for (let token: string | undefined, more = true; more; more = token !== undefined) {
      const page = { Bucket, Prefix: own + prefix, ...(token !== undefined && { ContinuationToken: token }) };
      const found = await this.#session.call({
        key: prefix,
        method: 'ListObjectsV2',
        signal: options.signal,
        run: (send) => client.send(new ListObjectsV2Command(page), send),
      });
      for (const { Key: name = '', Size: size = 0 } of found.Contents ?? []) {
        const key = name.slice(own.length);
        // Folder markers and other people's objects are no keys of ours.
        if (isKey(key)) yield { key, size };
      }
      token = found.IsTruncated ? found.NextContinuationToken : undefined;
    }
  }

  async remove(key: Key, options: CallOptions = {}): Promise<void> {
    checkKey(key);
    const command = new DeleteObjectCommand(this.#session.address(key));
    const removed = this.#session.call({
      key,
      method: 'DeleteObject',
      signal: options.signal,
      run: (send) => this.#session.client.send(command, send),
    });
    await orMissing(removed);
  }

  async close(): Promise<void> {
    this.#session.client.destroy();
  }

  #headersOf(key: Key, options: PutOptions): UploadHeaders {
    const headers = { ContentType: options.contentType ?? contentType(key), ...putHeaders(key, this.#puts) };
    // Other servers have classes of their own, which the SDK does not list.
    return headers as UploadHeaders;
  }

  async #put(
    key: Key,
    bytes: Uint8Array,
    condition: Pick<PutObjectCommandInput, 'IfMatch' | 'IfNoneMatch'>,
    options: PutOptions,
  ) {
    const body = { Body: bytes, ContentLength: bytes.byteLength };
    const command = new PutObjectCommand({
      ...this.#session.address(key),
      ...body,
      ...this.#headersOf(key, options),
      ...condition,
    });
    return await this.#session.call({
      key,
      method: 'PutObject',
      signal: options.signal,
      sends: bytes.byteLength,
      run: (send) => this.#session.client.send(command, send),
    });
  }
}

function etagOf(etag: string | undefined): { etag?: string } {
  return etag === undefined ? {} : { etag };
}

function changed(key: Key, etag: string | undefined, cause?: unknown): SiltError {
  const message = `somebody else changed ${key} meanwhile; read it again and repeat the change`;
  return new SiltError('CONFLICT', message, { details: { key, expected: etag }, cause });
}

/** 412: the condition does not hold. 409: another conditional write was under way. */
function isConflict(error: unknown): error is SiltError {
  return isSiltError(error) && (error.details.status === 412 || error.details.status === 409);
}

async function orMissing<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (isSiltError(error, 'OBJECT_MISSING')) return undefined;
    throw error;
  }
}
