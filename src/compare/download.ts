/**
 * Takes a file from a server, going on where a broken connection stopped: the downloader that a device has for
 * tools that bring none.
 *
 * It goes on only with the same object, by its validator (If-Range); when that has changed, or the server sends
 * none, it begins again. The file appears under its name when it is whole; after a failure there is none.
 *
 * @module
 */
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { SiltError } from '../core/errors.ts';
import { ioError } from '../io/io-error.ts';

export interface DownloadOptions {
  readonly signal?: AbortSignal;
  /** The longest wait for a byte, in milliseconds; then the connection counts as broken. Default 30,000. */
  readonly timeoutMs?: number;
}

/** Attempts in a row without a byte after which the server counts as gone. */
const VAIN_ATTEMPTS = 5;

/** What is worse than a bad line: without a validator, each of these begins again. */
const MOST_ATTEMPTS = 1000;

interface Download {
  readonly url: string;
  readonly handle: FileHandle;
  /** Bytes in the file, which are of the object with this validator. */
  at: number;
  etag: string | undefined;
  /** All bytes that came, also those given up. */
  received: number;
}

/**
 * Makes the file `to` hold what `url` (plain HTTP) gives.
 *
 * @throws SiltError OBJECT_MISSING, STORE_REFUSED, RANGE_INVALID; NETWORK when the server stays away; IO_FAILED,
 * NO_SPACE; the reason of the signal
 */
export async function downloadFile(url: string, to: string, options: DownloadOptions = {}): Promise<void> {
  const part = `${to}.part`;
  const handle = await open(part, 'w').catch((error: unknown) => {
    throw ioError(error, 'write', part);
  });
  try {
    await takeAll({ url, handle, at: 0, etag: undefined, received: 0 }, options);
    await handle.close();
    await rename(part, to);
  } catch (error) {
    await handle.close();
    await rm(part, { force: true });
    throw error;
  }
}

async function takeAll(download: Download, options: DownloadOptions): Promise<void> {
  let vain = 0;
  for (let attempt = 1; ; attempt += 1) {
    const before = download.received;
    try {
      return await takeMore(download, options);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (error instanceof SiltError && !error.transient) throw error;
      vain = download.received > before ? 0 : vain + 1;
      if (vain < VAIN_ATTEMPTS && attempt < MOST_ATTEMPTS) continue;
      const { url, at } = download;
      const why = error instanceof Error ? error.message : String(error);
      const message = `cannot get ${url} beyond byte ${at} (${why}); check that the server is there`;
      throw new SiltError('NETWORK', message, { details: { url, at, attempts: attempt }, cause: error });
    }
  }
}

/** One request for what is missing. */
async function takeMore(download: Download, options: DownloadOptions): Promise<void> {
  const answer = await ask(download, options);
  try {
    await accept(download, answer);
    for await (const block of answer) await append(download, block as Buffer);
  } finally {
    answer.destroy();
  }
}

async function ask({ url, at, etag }: Download, options: DownloadOptions): Promise<IncomingMessage> {
  const { signal, timeoutMs = 30_000 } = options;
  const headers = at > 0 && etag !== undefined ? { range: `bytes=${at}-`, 'if-range': etag } : {};
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = get(url, { agent: false, headers, ...(signal && { signal }) }, resolve).on('error', reject);
  request.setTimeout(timeoutMs, () => request.destroy(new Error(`nothing came for ${timeoutMs} ms`)));
  return await promise;
}

/** Sees to it that the file ends where the body of the answer begins. */
async function accept(download: Download, answer: IncomingMessage): Promise<void> {
  const { url, handle, at } = download;
  const { statusCode: status = 0, headers } = answer;
  if (status === 206) {
    const range = headers['content-range'] ?? '';
    if (range.startsWith(`bytes ${at}-`)) return;
    const message = `expected ${url} from byte ${at}, but the server sends "${range}"`;
    throw new SiltError('RANGE_INVALID', message, { details: { url, at } });
  }
  if (status !== 200) throw refusal(url, status);
  await handle.truncate(0).catch((error: unknown) => {
    throw ioError(error, 'write', url);
  });
  download.at = 0;
  // A weak one does not promise the same bytes.
  download.etag = headers.etag?.startsWith('"') ? headers.etag : undefined;
}

function refusal(url: string, status: number): SiltError {
  const details = { url, status };
  if (status === 404) return new SiltError('OBJECT_MISSING', `the server has no ${url}`, { details });
  const transient = status === 408 || status === 429 || status >= 500;
  const message = `the server answered ${status} for ${url}; check the address`;
  return new SiltError(transient ? 'NETWORK' : 'STORE_REFUSED', message, { details, transient });
}

async function append(download: Download, block: Buffer): Promise<void> {
  download.received += block.byteLength;
  for (let written = 0; written < block.byteLength; ) {
    const { bytesWritten } = await download.handle
      .write(block, written, block.byteLength - written, download.at)
      .catch((error: unknown) => {
        throw ioError(error, 'write the download of', download.url);
      });
    written += bytesWritten;
    download.at += bytesWritten;
  }
}
