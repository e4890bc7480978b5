/**
 * Seed indexes on disk: written chunk by chunk while a seed is cut, read back as a stream. Only the windows
 * are held in memory, some 100 bytes each.
 *
 * @module
 */
import { closeSync } from 'node:fs';
import { SiltError } from '../core/errors.ts';
import { ByteReader } from '../format/byte-reader.ts';
import { ByteWriter } from '../format/byte-writer.ts';
import type { ChunkerParameters, WindowParameters } from '../format/index-head.ts';
import {
  decodeSeedChunk,
  decodeSeedFooter,
  decodeSeedWindow,
  encodeSeedChunk,
  encodeSeedFooter,
  encodeSeedWindow,
  type KnownDigest,
  MAX_KNOWN_DIGESTS,
  MAX_SEED_FOOTER_BYTES,
  SEED_CHUNK_BYTES,
  SEED_INDEX_MAGIC,
  SEED_INDEX_VERSION,
  SEED_PREAMBLE_BYTES,
  SEED_WINDOW_BYTES,
  type SeedChunk,
  type SeedIndexSummary,
  type SeedWindow,
} from '../format/seed-index.ts';
import { openSync, renameSync, writeSync } from '../io/disk.ts';
import { ioError } from '../io/io-error.ts';
import { type FileVersion, SourceFile } from '../io/source-file.ts';

const BLOCK_CHUNKS = 4096;

/** A window of a seed. */
export interface SeedWindowPlace {
  readonly offset: number;
  readonly length: number;
}

export class SeedIndexWriter {
  readonly #path: string;
  readonly #fd: number;
  readonly #block: Buffer = Buffer.allocUnsafe(BLOCK_CHUNKS * SEED_CHUNK_BYTES);
  readonly #windows: ByteWriter = new ByteWriter(64 * SEED_WINDOW_BYTES);
  #end = 0;
  #filled = 0;
  #chunks = 0;
  #windowCount = 0;
  #size = 0;

  constructor(path: string) {
    this.#path = path;
    try {
      this.#fd = openSync(`${path}.new`, 'w');
    } catch (error) {
      throw ioError(error, 'create', path);
    }
    this.#write(new ByteWriter().preamble(SEED_INDEX_MAGIC, SEED_INDEX_VERSION).finish());
  }

  addChunk(chunk: SeedChunk): void {
    encodeSeedChunk(this.#block, this.#filled, chunk);
    this.#filled += SEED_CHUNK_BYTES;
    this.#chunks += 1;
    this.#size += chunk.length;
    if (this.#filled === this.#block.length) this.#flush();
  }

  /** Ends a window behind the chunks added since the last one. @param digest `undefined` for zeros */
  addWindow(length: number, digest: Uint8Array | undefined): void {
    this.#windows.bytes(encodeSeedWindow({ length, digest }));
    this.#windowCount += 1;
  }

  #flush(): void {
    this.#write(this.#block.subarray(0, this.#filled));
    this.#filled = 0;
  }

  #write(bytes: Uint8Array): void {
    try {
      writeSync(this.#fd, bytes, this.#end);
    } catch (error) {
      throw ioError(error, 'write', this.#path);
    }
    this.#end += bytes.length;
  }

  /** Completes the index and gives it its name. */
  finish(
    file: FileVersion,
    chunker: ChunkerParameters,
    windowing: WindowParameters,
    known: readonly KnownDigest[] = [],
  ): void {
    this.#flush();
    this.#write(this.#windows.finish());
    const footer = encodeSeedFooter({
      chunks: this.#chunks,
      windows: this.#windowCount,
      size: this.#size,
      changed: file.changed,
      inode: file.inode,
      chunker,
      windowing,
      known: known.slice(0, MAX_KNOWN_DIGESTS),
    });
    this.#write(footer);
    try {
      renameSync(`${this.#path}.new`, this.#path);
    } catch (error) {
      throw ioError(error, 'write', this.#path);
    }
  }

  /** To be called in any case. */
  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

export class SeedIndexReader {
  readonly summary: SeedIndexSummary;
  readonly #file: SourceFile;
  readonly #windows = new Map<string, SeedWindowPlace>();

  private constructor(file: SourceFile, summary: SeedIndexSummary) {
    this.#file = file;
    this.summary = summary;
  }

  /** @throws SiltError IO_FAILED, FORMAT_INVALID, FORMAT_UNSUPPORTED */
  static open(path: string): SeedIndexReader {
    const file = SourceFile.open(path);
    try {
      const preamble = Buffer.alloc(SEED_PREAMBLE_BYTES);
      file.read(0, preamble);
      new ByteReader(preamble, 'seed index').preamble(SEED_INDEX_MAGIC, SEED_INDEX_VERSION);
      const tail = Buffer.alloc(Math.min(MAX_SEED_FOOTER_BYTES, file.size));
      file.read(file.size - tail.length, tail);
      const reader = new SeedIndexReader(file, decodeSeedFooter(tail, file.size));
      reader.#loadWindows();
      reader.#checkChunks();
      return reader;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  #loadWindows(): void {
    for (const { offset, length, digest } of this.windows()) {
      if (digest !== undefined) this.#windows.set(digestKey(digest), { offset, length });
    }
  }

  /** A damaged index must show itself here, where its seed can still be cut again. */
  #checkChunks(): void {
    let end = 0;
    this.forEachChunk((offset, { length }) => {
      end = offset + length;
    });
    if (end === this.summary.size) return;
    throw new SiltError('FORMAT_INVALID', `seed index: its chunks end at ${end}, not ${this.summary.size}`);
  }

  /** Every window in order, with its offset in the seed. */
  *windows(): Generator<SeedWindow & { readonly offset: number }> {
    const { chunks, windows } = this.summary;
    const start = SEED_PREAMBLE_BYTES + chunks * SEED_CHUNK_BYTES;
    const block = Buffer.allocUnsafe(BLOCK_CHUNKS * SEED_WINDOW_BYTES);
    let offset = 0;
    for (let i = 0; i < windows; i += BLOCK_CHUNKS) {
      const count = Math.min(BLOCK_CHUNKS, windows - i);
      this.#file.read(start + i * SEED_WINDOW_BYTES, block.subarray(0, count * SEED_WINDOW_BYTES));
      for (let k = 0; k < count; k++) {
        const record = block.subarray(k * SEED_WINDOW_BYTES, (k + 1) * SEED_WINDOW_BYTES);
        const { length, digest } = decodeSeedWindow(new Uint8Array(record));
        yield { offset, length, digest };
        offset += length;
      }
    }
  }

  /** Up to `count` windows that are not zeros, spread evenly. */
  sampleWindows(count: number): { offset: number; length: number; digest: Uint8Array }[] {
    const every = Math.max(1, Math.floor(this.#windows.size / count));
    const samples: { offset: number; length: number; digest: Uint8Array }[] = [];
    let at = 0;
    for (const { offset, length, digest } of this.windows()) {
      if (digest !== undefined && at++ % every === 0) samples.push({ offset, length, digest });
    }
    return samples.slice(0, count);
  }

  /** Where a window with this digest lies in the seed. */
  window(digest: Uint8Array): SeedWindowPlace | undefined {
    return this.#windows.get(digestKey(digest));
  }

  /** Visits every chunk in order, with its offset in the seed. */
  forEachChunk(visit: (offset: number, chunk: SeedChunk) => void): void {
    const block = Buffer.allocUnsafe(BLOCK_CHUNKS * SEED_CHUNK_BYTES);
    const { chunks } = this.summary;
    let offset = 0;
    for (let i = 0; i < chunks; i += BLOCK_CHUNKS) {
      const count = Math.min(BLOCK_CHUNKS, chunks - i);
      const part = block.subarray(0, count * SEED_CHUNK_BYTES);
      this.#file.read(SEED_PREAMBLE_BYTES + i * SEED_CHUNK_BYTES, part);
      for (let k = 0; k < count; k++) {
        const chunk = decodeSeedChunk(part, k * SEED_CHUNK_BYTES);
        visit(offset, chunk);
        offset += chunk.length;
      }
    }
  }

  close(): void {
    this.#file.close();
  }
}

/** Half of a digest as a map key: what it finds is verified anyway. */
function digestKey(digest: Uint8Array): string {
  return Buffer.from(digest.buffer, digest.byteOffset, 16).toString('latin1');
}
