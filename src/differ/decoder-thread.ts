/**
 * A thread that decodes windows, one after another. Bytes move between the threads and are not copied; a
 * buffer that was read is given back for another window.
 *
 * @module
 */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type ErrorCode, type ErrorDetails, SiltError } from '../core/errors.ts';
import { compiledKernel } from '../kernel/load.ts';
import { WINDOW_CODER } from '../kernel/window-coder.ts';

/** The Base as the thread opens it. */
export interface ThreadBase {
  readonly path: string;
  readonly size: number;
  /** The image under construction. */
  readonly targetPath: string;
}

/** What the thread begins with. */
export interface ThreadData extends ThreadBase {
  readonly kernel: WebAssembly.Module;
}

export interface DecodeRequest {
  readonly payload: Uint8Array<ArrayBuffer>;
  /** Of the window in the target, whose bytes ahead of it are there as far as the payload needs them. */
  readonly offset: number;
  readonly length: number;
  /** Room for the window, if it is large enough. */
  readonly into: ArrayBuffer;
}

export type DecodeAnswer =
  | { readonly bytes: Uint8Array<ArrayBuffer> }
  | {
      readonly failed: { readonly code: ErrorCode; readonly message: string; readonly details: ErrorDetails };
    };

/** In MiB: what lives in the thread is outside of its heap. */
const YOUNG_GENERATION = 2;

export class DecoderThread {
  readonly #worker: Worker;
  readonly #waiting: PromiseWithResolvers<Uint8Array<ArrayBuffer>>[] = [];
  #broken: SiltError | undefined;

  constructor(base: ThreadBase) {
    // TypeScript does not rewrite the path of a worker, so take our own extension: .ts here, .js when built.
    const program = new URL(`./decoder-worker${extname(import.meta.url)}`, import.meta.url);
    const data: ThreadData = { ...base, kernel: compiledKernel(WINDOW_CODER) };
    this.#worker = new Worker(program, {
      workerData: data,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION },
    });
    this.#worker.on('message', (answer: DecodeAnswer) => this.#settle(answer));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', () => this.#fail(undefined));
  }

  /** Windows that were asked for and have not come yet. */
  get backlog(): number {
    return this.#waiting.length;
  }

  /**
   * Decodes a window. `payload` and `into` are given away.
   *
   * @throws SiltError FORMAT_INVALID for a malformed payload; INTERNAL when the thread has ended
   */
  decode(request: DecodeRequest): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    const result = Promise.withResolvers<Uint8Array<ArrayBuffer>>();
    this.#waiting.push(result);
    this.#worker.postMessage(request, [request.payload.buffer, request.into]);
    return result.promise;
  }

  #settle(answer: DecodeAnswer): void {
    const result = this.#waiting.shift();
    if ('bytes' in answer) result?.resolve(answer.bytes);
    else {
      const { code, message, details } = answer.failed;
      result?.reject(new SiltError(code, message, { details }));
    }
  }

  #fail(cause: unknown): void {
    this.#broken ??= new SiltError('INTERNAL', `a thread that decodes ended: ${String(cause)}`, { cause });
    for (const result of this.#waiting.splice(0)) result.reject(this.#broken);
  }

  /** Ends the thread, whatever it does. */
  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
