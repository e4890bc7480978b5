/**
 * One file of the corpus: written whole or not at all, and held to its pin.
 *
 * @module
 */
import { basename } from 'node:path';
import { digestFile } from '../../src/compare/subject.ts';
import { createSha256 } from '../../src/core/digest.ts';
import { replaceFile } from '../../src/io/atomic.ts';

/** A file of the corpus as it came out. */
export interface Release {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Writes `content` to `path`, unless it has another digest than `pin`.
 *
 * @param pin SHA-256 in hexadecimal; `undefined` for a file that has none
 * @throws Error for another digest, or what `content` throws; then there is no such file
 */
export async function writeRelease(
  path: string,
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  pin: string | undefined,
  signal: AbortSignal,
): Promise<Release> {
  const digest = createSha256();
  let release: Release | undefined;
  await replaceFile(path, checked());
  return release!;

  async function* checked(): AsyncGenerator<Uint8Array> {
    let bytes = 0;
    for await (const part of content) {
      signal.throwIfAborted();
      digest.update(part);
      bytes += part.byteLength;
      yield part;
    }
    release = { file: basename(path), bytes, sha256: digest.digest('hex') };
    requirePin(release, pin, 'the package holds other bytes than the one that was pinned');
  }
}

/** Reads a file that is there. @throws Error when it has another digest than `pin` */
export async function readRelease(
  path: string,
  pin: string | undefined,
  signal: AbortSignal,
): Promise<Release> {
  const release = { file: basename(path), ...(await digestFile(path, signal)) };
  requirePin(release, pin, `remove ${path} to make it anew`);
  return release;
}

function requirePin(release: Release, pin: string | undefined, hint: string): void {
  if (pin === undefined || pin === release.sha256) return;
  throw new Error(`${release.file}: expected the SHA-256 ${pin}, found ${release.sha256}; ${hint}`);
}
