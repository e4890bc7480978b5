/**
 * The thread behind `decoder-thread.ts`. It loads the decoder and nothing else: every module counts on a
 * device, and the workers of `pool/` hold an encoder, a matcher and a chunker.
 *
 * @module
 */
import { parentPort, workerData } from 'node:worker_threads';
import { isSiltError } from '../core/errors.ts';
import { firstBytes } from '../delta/base-reader.ts';
import { WindowDecoder } from '../delta/window-decoder.ts';
import { SourceFile } from '../io/source-file.ts';
import { adoptKernel } from '../kernel/load.ts';
import { WINDOW_CODER } from '../kernel/window-coder.ts';
import type { DecodeAnswer, DecodeRequest, ThreadData } from './decoder-thread.ts';

const { path, size, targetPath, kernel } = workerData as ThreadData;
adoptKernel(WINDOW_CODER, kernel);
const base = firstBytes(SourceFile.open(path), size);
const target = SourceFile.open(targetPath);
const decoder = new WindowDecoder();

parentPort?.on('message', (request: DecodeRequest) => {
  const answer = decode(request);
  parentPort?.postMessage(answer, 'bytes' in answer ? [answer.bytes.buffer] : []);
});

function decode({ payload, offset, length, into }: DecodeRequest): DecodeAnswer {
  try {
    const window = decoder.decode(payload, length, base, { size: offset, read: target.read });
    const bytes = new Uint8Array(into.byteLength >= length ? into : new ArrayBuffer(length), 0, length);
    bytes.set(window);
    return { bytes };
  } catch (error) {
    if (!isSiltError(error)) throw error;
    return { failed: { code: error.code, message: error.message, details: error.details } };
  }
}
