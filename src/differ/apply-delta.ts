/**
 * Patching: rebuilds an image from its Base and a delta file, window by window, in a few windows of memory.
 *
 * Nothing of the delta is trusted: its head and each payload are parsed only with their digests, each window is
 * compared with its check before it is written, and a file takes its name only once the whole image has its
 * SHA-256. Killed anywhere, the next run finds the windows that are right and goes on from there.
 *
 * @module
 */
import { equalBytes, isZero } from '../core/bytes.ts';
import { createSha256, sha256, toHex } from '../core/digest.ts';
import { SiltError } from '../core/errors.ts';
import type { DeltaWindow } from '../format/delta-file.ts';
import { withLock } from '../io/lock-file.ts';
import { outputLockPath } from '../io/part-file.ts';
import { BaseFile } from './base-file.ts';
import { DecodeAhead } from './decode-ahead.ts';
import { PatchFile } from './patch-file.ts';
import { checkOutput, openPatchTarget, type PatchTarget } from './patch-target.ts';

export interface ApplyOptions {
  /** The image that the delta was made from: a file or a block device. */
  readonly basePath: string;
  readonly patchPath: string;
  /** A file, which appears when it is complete, or a block device, which is written in place. */
  readonly outputPath: string;
  /** Threads that decode, this one among them; default 2. */
  readonly workers?: number | undefined;
  /** Read the whole Base and compare its digest before anything is written. */
  readonly verifyBase?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ApplyProgress) => void) | undefined;
}

/** Bytes of the image that are done. */
export interface ApplyProgress {
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

export interface ApplyReport {
  readonly baseSize: number;
  readonly patchSize: number;
  readonly imageSize: number;
  /** SHA-256 of the image, hexadecimal. */
  readonly sha256: string;
  readonly windows: {
    readonly total: number;
    /** Found right where an interrupted run had left them. */
    readonly kept: number;
    readonly zero: number;
    readonly copy: number;
    readonly coded: number;
  };
  readonly bytesKept: number;
  readonly bytesWritten: number;
  readonly seconds: number;
}

/**
 * Makes the image of the delta at `patchPath` out of the Base.
 *
 * @throws SiltError BASE_MISMATCH when the Base is another image or was altered: its details name the windows
 *   that come out wrong. DIGEST_MISMATCH, FORMAT_INVALID, FORMAT_UNSUPPORTED for the delta; USAGE when it
 *   leaves windows to a repository; TARGET_INVALID, LOCKED, NO_SPACE, IO_FAILED. What was written to a file
 *   under construction stays for the next run.
 */
export async function applyDelta(options: ApplyOptions): Promise<ApplyReport> {
  const started = performance.now();
  const { basePath, patchPath, outputPath, signal } = options;
  checkOutput(outputPath, { 'the old image': basePath, 'the delta': patchPath });
  using patch = PatchFile.open(patchPath);
  checkComplete(patch);
  using base = BaseFile.open(basePath, patch.head.base);
  if (options.verifyBase === true && !(await base.isRight(signal))) throw base.mismatch([]);
  return await withLock(outputLockPath(outputPath), { waitMs: 0, signal, durable: true }, async () => {
    const target = openPatchTarget(outputPath, patch.head.target.size);
    try {
      const counts = await new Patching(patch, base, target, options).run();
      await target.complete(patch.head.target.size);
      return {
        baseSize: base.size,
        patchSize: patch.size,
        imageSize: patch.head.target.size,
        sha256: toHex(patch.head.target.digest),
        ...counts,
        seconds: (performance.now() - started) / 1000,
      };
    } finally {
      target.close();
    }
  });
}

/** @throws SiltError USAGE, FORMAT_UNSUPPORTED for a delta that this silt cannot apply by itself */
function checkComplete({ path, head }: PatchFile): void {
  const missing = head.windows.filter(({ source }) => source.kind === 'none').length;
  if (missing > 0) {
    throw new SiltError(
      'USAGE',
      `${path} leaves ${missing} of ${head.windows.length} windows to the chunks of a repository; use silt fetch`,
      { details: { path, missing } },
    );
  }
  for (const { source } of head.windows) {
    if (source.kind !== 'coded' || source.transform === 0) continue;
    const name = head.transforms[source.transform - 1] as string;
    throw new SiltError(
      'FORMAT_UNSUPPORTED',
      `${path}: expected no transform, found "${name}"; update silt`,
      { details: { path, found: name } },
    );
  }
}

/** Windows that come out wrong are listed up to here; more of them mean another image altogether. */
const MOST_DAMAGED = 100;

type Counts = Pick<ApplyReport, 'windows' | 'bytesKept' | 'bytesWritten'>;

/** One run over all windows, in image order. */
class Patching {
  readonly #patch: PatchFile;
  readonly #base: BaseFile;
  readonly #target: PatchTarget;
  readonly #options: ApplyOptions;
  /** For windows that are read: from the Base, or from what an earlier run left. */
  readonly #buffer: Uint8Array;
  /** Of all windows so far, as they are in the target. */
  readonly #whole = createSha256();
  readonly #windows = { total: 0, kept: 0, zero: 0, copy: 0, coded: 0 };
  /** Places of windows that came out wrong because the Base is. */
  readonly #damaged: number[] = [];
  #bytesKept = 0;
  #bytesWritten = 0;

  constructor(patch: PatchFile, base: BaseFile, target: PatchTarget, options: ApplyOptions) {
    this.#patch = patch;
    this.#base = base;
    this.#target = target;
    this.#options = options;
    this.#buffer = new Uint8Array(patch.head.windows.reduce((max, { length }) => Math.max(max, length), 0));
  }

  async run(): Promise<Counts> {
    const { head } = this.#patch;
    const { signal, onProgress, basePath, workers = 2 } = this.#options;
    const kept = await this.#findKept();
    const coded = head.windows.filter(({ source }, at) => source.kind === 'coded' && !kept[at]);
    const queue = coded.map((window) => ({
      offset: window.offset,
      length: window.length,
      payload: () => this.#patch.payload(window) as Uint8Array<ArrayBuffer>,
    }));
    await using ahead = new DecodeAhead(queue, {
      basePath,
      base: this.#base,
      targetPath: this.#target.path,
      target: this.#target,
      workers,
    });
    for (const [at, window] of head.windows.entries()) {
      signal?.throwIfAborted();
      if (kept[at]) this.#keep(window);
      else await this.#rebuild(window, ahead);
      onProgress?.({ bytesDone: window.offset + window.length, bytesTotal: head.target.size });
      await new Promise(setImmediate);
    }
    if (this.#damaged.length > 0) throw this.#base.mismatch(this.#damaged);
    if (!equalBytes(this.#whole.digest(), head.target.digest)) await this.#refuse();
    this.#windows.total = head.windows.length;
    return { windows: this.#windows, bytesKept: this.#bytesKept, bytesWritten: this.#bytesWritten };
  }

  async #findKept(): Promise<boolean[]> {
    const kept: boolean[] = [];
    for (const window of this.#patch.head.windows) {
      this.#options.signal?.throwIfAborted();
      kept.push(this.#keeps(window));
      if (kept.at(-1)) await new Promise(setImmediate);
    }
    return kept;
  }

  /** True when the target holds the window already. Without a check only zeros can tell. */
  #keeps(window: DeltaWindow): boolean {
    const { offset, length, check, source } = window;
    if (offset + length > this.#target.initialSize) return false;
    if (check === undefined && source.kind !== 'zero') return false;
    const bytes = this.#buffer.subarray(0, length);
    return this.#target.read(offset, bytes) === length && isRight(window, bytes);
  }

  #keep({ offset, length }: DeltaWindow): void {
    const bytes = this.#buffer.subarray(0, length);
    this.#target.read(offset, bytes);
    this.#whole.update(bytes);
    this.#windows.kept += 1;
    this.#bytesKept += length;
  }

  async #rebuild(window: DeltaWindow, ahead: DecodeAhead): Promise<void> {
    const { source, length } = window;
    if (source.kind === 'coded') return await ahead.take((bytes) => this.#accept(window, bytes));
    const bytes = this.#buffer.subarray(0, length);
    if (source.kind !== 'copy') return await this.#accept(window, bytes.fill(0));
    await this.#accept(window, bytes.subarray(0, this.#base.read(source.from, bytes)));
  }

  /** Writes the bytes of a window if they are right. */
  async #accept(window: DeltaWindow, bytes: Uint8Array): Promise<void> {
    if (!isRight(window, bytes)) return await this.#wrong(window);
    this.#whole.update(bytes);
    this.#bytesWritten += this.#target.write(window.offset, bytes);
    const { kind } = window.source;
    if (kind !== 'none') this.#windows[kind] += 1;
  }

  /** Goes on when the Base is to blame, to find every window that suffers. */
  async #wrong({ offset }: DeltaWindow): Promise<void> {
    if (await this.#base.isRight(this.#options.signal)) {
      throw new SiltError(
        'DIGEST_MISMATCH',
        `${this.#patch.path}: the window at ${offset} does not come out as the delta says, and the old image ` +
          'is the right one; get the delta anew',
        { details: { path: this.#patch.path, offset } },
      );
    }
    this.#damaged.push(offset);
    if (this.#damaged.length >= MOST_DAMAGED) throw this.#base.mismatch(this.#damaged);
  }

  /** All windows passed, and the image is wrong nevertheless: what was built serves nobody. */
  async #refuse(): Promise<never> {
    this.#target.discard();
    if (!(await this.#base.isRight(this.#options.signal))) throw this.#base.mismatch([]);
    throw new SiltError(
      'DIGEST_MISMATCH',
      `${this.#patch.path}: expected an image with the SHA-256 ${toHex(this.#patch.head.target.digest)}, ` +
        'found another one; get the delta anew',
      { details: { path: this.#patch.path } },
    );
  }
}

/** True when `bytes` are those of the window, as far as the delta tells. */
function isRight({ length, check, source }: DeltaWindow, bytes: Uint8Array): boolean {
  if (bytes.length !== length) return false;
  if (source.kind === 'zero') return isZero(bytes);
  return check === undefined || equalBytes(sha256(bytes).subarray(0, check.length), check);
}
