/**
 * One object, or a range of it, on its way down from S3: its head at once, its body as it arrives.
 *
 * @module
 */
import type { Readable } from 'node:stream';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import type { Headers } from './http-answer.ts';
import type { S3Session } from './s3-session.ts';
import type { ByteRange, Key } from './store.ts';

export interface Download {
  readonly status: number;
  /** What HTTP would say, as far as the SDK hands it on. */
  readonly headers: Headers;
  /** The body; ends the download. */
  bytes(): AsyncGenerator<Uint8Array>;
  /** Cuts off what has not been read, and reports the request. */
  end(): void;
}

/** Asks for the object at `key`, or for `range` of it. @throws SiltError OBJECT_MISSING and the like */
export async function openDownload(
  session: S3Session,
  key: Key,
  range: ByteRange | undefined,
  signal: AbortSignal | undefined,
): Promise<Download> {
  const Range = range && `bytes=${range.offset}-${range.offset + range.length - 1}`;
  const input = { ...session.address(key), ...(Range !== undefined && { Range }) };
  const { answer, tally } = await session.open({
    key,
    method: 'GetObject',
    signal,
    run: (options) => session.client.send(new GetObjectCommand(input), options),
  });
  const body = answer.Body as Readable | undefined;
  const status = answer.$metadata.httpStatusCode ?? 0;
  // A body that is cut off says so as an error, which nobody needs to hear.
  body?.on('error', () => {});
  const end = (): void => {
    body?.destroy();
    tally.finish(status);
  };
  async function* bytes(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
        tally.add(chunk.byteLength);
        yield chunk;
      }
    } catch (error) {
      throw session.failure(error, key, signal);
    } finally {
      end();
    }
  }
  const headers = {
    etag: answer.ETag,
    'content-range': answer.ContentRange,
    'content-length': answer.ContentLength?.toString(),
    'content-encoding': answer.ContentEncoding,
    'content-type': answer.ContentType,
  };
  return { status, headers, bytes, end };
}
