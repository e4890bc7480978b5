/**
 * Writes the Index of one image: windows as they become known, level 2 into a temporary file, level 1 in
 * front of it at the end. Memory grows with the number of windows (some 100 bytes each), not of chunks.
 *
 * @module
 */
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createSha256, sha256, sha256Hex } from '../core/digest.ts';
import { type FrameRef, TAG_BYTES } from '../format/frame.ts';
import {
  type ChunkerParameters,
  encodeIndexHead,
  type WindowParameters,
  type WindowRecord,
} from '../format/index-head.ts';
import { encodeLevel2, hintOf, ZERO_FRAME } from '../format/level2.ts';
import { ioError } from '../io/io-error.ts';
import type { ContentKey } from '../trust/seal/content-key.ts';
import type { FrameTable } from './frame-table.ts';
import { sealObject, sealOverhead, type WrittenObject } from './seal-object.ts';

/** A window whose chunks have been placed into frames. */
export interface GatheredWindow {
  readonly offset: number;
  readonly length: number;
  /** Every byte is zero. */
  readonly zero: boolean;
  readonly lengths: readonly number[];
  /** ChunkId of each chunk. */
  readonly ids: readonly Uint8Array[];
  /** Number in the {@link FrameTable}, or {@link ZERO_FRAME}. */
  readonly frames: readonly number[];
  readonly offsetsIn: readonly number[];
}

export class IndexWriter {
  readonly #table: FrameTable;
  readonly #path: string;
  readonly #level2: FileHandle;
  readonly #key: ContentKey | undefined;
  readonly #records: WindowRecord[] = [];
  /** Pack numbers of the table, in the order this image first refers to them. */
  readonly #packs = new Map<number, number>();

  private constructor(table: FrameTable, path: string, level2: FileHandle, key: ContentKey | undefined) {
    this.#table = table;
    this.#path = path;
    this.#level2 = level2;
    this.#key = key;
  }

  /**
   * @param path of the index to be written; level 2 is collected beside it
   * @param key of a sealed release
   * @throws SiltError IO_FAILED
   */
  static async create(table: FrameTable, path: string, key?: ContentKey): Promise<IndexWriter> {
    return new IndexWriter(table, path, await openFile(`${path}.level2`), key);
  }

  get windows(): number {
    return this.#records.length;
  }

  /**
   * Adds the next window; all its frames must have been packed.
   *
   * @param digest SHA-256 of its bytes
   * @throws SiltError NO_SPACE, IO_FAILED
   */
  async add(window: GatheredWindow, digest: Uint8Array): Promise<void> {
    if (window.zero) {
      this.#records.push({ length: window.length, digest: undefined, level2: undefined });
      return;
    }
    const block = this.#encode(window);
    await append(this.#level2, block, this.#path);
    const tag = sha256(block).subarray(0, TAG_BYTES);
    const length = block.length + sealOverhead(this.#key);
    this.#records.push({ length: window.length, digest, level2: { length, tag } });
  }

  #encode(window: GatheredWindow): Uint8Array {
    const frames: FrameRef[] = [];
    const local = new Map<number, number>();
    const frameOf = window.frames.map((number) => {
      if (number === ZERO_FRAME) return ZERO_FRAME;
      let at = local.get(number);
      if (at === undefined) {
        at = frames.length;
        local.set(number, at);
        const frame = this.#table.frame(number);
        frames.push({ ...frame, pack: this.#localPack(frame.pack) });
      }
      return at;
    });
    return encodeLevel2({
      frames,
      lengths: Uint32Array.from(window.lengths),
      hints: Float64Array.from(window.ids, (id) => hintOf(id)),
      frameOf: Int32Array.from(frameOf),
      offsetIn: Uint32Array.from(window.offsetsIn),
    });
  }

  #localPack(pack: number): number {
    const known = this.#packs.get(pack);
    if (known !== undefined) return known;
    this.#packs.set(pack, this.#packs.size);
    return this.#packs.size - 1;
  }

  /**
   * Writes the index object; every pack it refers to must have a name by now.
   *
   * @throws SiltError NO_SPACE, IO_FAILED
   */
  async finish(image: {
    readonly size: number;
    readonly digest: Uint8Array;
    readonly chunker: ChunkerParameters;
    readonly windowing: WindowParameters;
  }): Promise<WrittenObject> {
    const head = encodeIndexHead({
      imageSize: image.size,
      imageDigest: image.digest,
      chunker: image.chunker,
      windowing: image.windowing,
      packs: [...this.#packs.keys()].map((pack) => this.#table.pack(pack)),
      windows: this.#records,
    });
    if (this.#key !== undefined) return await this.#finishSealed(this.#key, head);
    const running = createSha256().update(head);
    let size = head.length;
    await using file = await openFile(this.#path);
    await append(file, head, this.#path);
    for await (const block of createReadStream(`${this.#path}.level2`)) {
      running.update(block);
      await append(file, block, this.#path);
      size += block.length;
    }
    return {
      path: this.#path,
      size,
      sha256: running.digest('hex'),
      head: { size: head.length, sha256: sha256Hex(head) },
    };
  }

  async #finishSealed(key: ContentKey, head: Uint8Array): Promise<WrittenObject> {
    const lengths = this.#records.flatMap(({ level2 }) =>
      level2 === undefined ? [] : [level2.length - sealOverhead(key)],
    );
    return await sealObject(
      key,
      'index',
      { head, path: `${this.#path}.level2`, from: 0, lengths },
      this.#path,
    );
  }

  async close(): Promise<void> {
    await this.#level2.close();
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'w+');
  } catch (error) {
    throw ioError(error, 'write', path);
  }
}

/** All of `bytes`: a single write(2) may take only a part of them when the disk is nearly full. */
async function append(file: FileHandle, bytes: Uint8Array, path: string): Promise<void> {
  try {
    await file.writeFile(bytes);
  } catch (error) {
    throw ioError(error, 'write', path);
  }
}
