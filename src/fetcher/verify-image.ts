/**
 * Compares a local file or device with a release, window by window, and changes nothing.
 *
 * @module
 */
import { SourceFile } from '../io/source-file.ts';
import type { ReadStore } from '../store/store.ts';
import type { Releases } from '../trust/releases.ts';
import { type ImageSelector, openImage } from './open-image.ts';
import { isWindow } from './verified-window.ts';

export interface VerifyOptions extends ImageSelector {
  readonly path: string;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?:
    | ((progress: { readonly bytesDone: number; readonly bytesTotal: number }) => void)
    | undefined;
}

export interface VerifyReport {
  readonly product: string;
  readonly version: string;
  readonly image: string;
  readonly windows: number;
  /** What is not as released; empty when all is well. */
  readonly badWindows: readonly { readonly offset: number; readonly length: number }[];
  /** Bytes behind the image: none in a file, any number on a device. */
  readonly extraBytes: number;
  readonly seconds: number;
}

/**
 * Reads the whole file and names every window that differs from the release.
 *
 * @throws SiltError RELEASE_NOT_FOUND, IO_FAILED, NETWORK, …
 */
export async function verifyImage(
  store: ReadStore,
  releases: Releases,
  options: VerifyOptions,
): Promise<VerifyReport> {
  const started = performance.now();
  const { manifest, image, head } = await openImage(store, releases, options, { signal: options.signal });
  using file = SourceFile.open(options.path);
  const buffer = new Uint8Array(head.windows.reduce((max, { length }) => Math.max(max, length), 0));
  const badWindows: { offset: number; length: number }[] = [];
  for (const window of head.windows) {
    options.signal?.throwIfAborted();
    const { offset, length } = window;
    const bytes = buffer.subarray(0, length);
    if (file.read(offset, bytes) !== length || !isWindow(window, bytes)) badWindows.push({ offset, length });
    options.onProgress?.({ bytesDone: offset + length, bytesTotal: image.size });
    await new Promise(setImmediate);
  }
  return {
    product: manifest.product,
    version: manifest.version,
    image: image.name,
    windows: head.windows.length,
    badWindows,
    extraBytes: file.isBlockDevice ? 0 : Math.max(0, file.size - image.size),
    seconds: (performance.now() - started) / 1000,
  };
}
