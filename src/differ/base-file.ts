/**
 * The Base on this machine: a file or a block device, of which as many bytes count as the delta says. Its
 * digest takes a whole read, so it is looked at only when it is asked for or when something came out wrong.
 *
 * @module
 */
import { equalBytes } from '../core/bytes.ts';
import { createSha256, toHex } from '../core/digest.ts';
import { SiltError } from '../core/errors.ts';
import { MiB } from '../core/sizes.ts';
import { type BaseReader, firstBytes } from '../delta/base-reader.ts';
import type { DeltaImage } from '../format/delta-file.ts';
import { SourceFile } from '../io/source-file.ts';

const BLOCK: number = 1 * MiB;

export class BaseFile implements BaseReader {
  readonly path: string;
  readonly size: number;
  readonly #file: SourceFile;
  readonly #bytes: BaseReader;
  readonly #expected: DeltaImage;
  #found: Uint8Array | undefined;

  private constructor(file: SourceFile, expected: DeltaImage) {
    this.path = file.path;
    this.size = expected.size;
    this.#file = file;
    this.#bytes = firstBytes(file, expected.size);
    this.#expected = expected;
  }

  /**
   * Opens the Base that a delta expects. A block device may be larger.
   *
   * @throws SiltError BASE_MISMATCH for another size, IO_FAILED
   */
  static open(path: string, expected: DeltaImage): BaseFile {
    const file = SourceFile.open(path);
    if (file.size === expected.size || (file.isBlockDevice && file.size > expected.size)) {
      return new BaseFile(file, expected);
    }
    file.close();
    throw new SiltError(
      'BASE_MISMATCH',
      `${path} is not the image that the delta was made from: expected ${expected.size} bytes, found ` +
        `${file.size}; name the old image with the SHA-256 ${toHex(expected.digest)}`,
      {
        details: { path, expected: expected.size, found: file.size, expectedSha256: toHex(expected.digest) },
      },
    );
  }

  /** Reads at `at`; fewer bytes than asked for only at the end. */
  read(at: number, into: Uint8Array): number {
    return this.#bytes.read(at, into);
  }

  /** Reads all of it, once; true when it has the digest that the delta expects. */
  async isRight(signal?: AbortSignal): Promise<boolean> {
    this.#found ??= await this.#digest(signal);
    return equalBytes(this.#found, this.#expected.digest);
  }

  /**
   * The error for a Base that {@link BaseFile.isRight} found altered.
   *
   * @param damaged places of windows that come out wrong, as far as they are known
   */
  mismatch(damaged: readonly number[]): SiltError {
    const [expected, found] = [toHex(this.#expected.digest), toHex(this.#found ?? new Uint8Array())];
    const places = damaged.slice(0, SHOWN).join(', ') + (damaged.length > SHOWN ? ', …' : '');
    const what =
      damaged.length === 0 ? '' : `; windows that come out wrong: ${damaged.length}, at offset ${places}`;
    return new SiltError(
      'BASE_MISMATCH',
      `${this.path} is not the image that the delta was made from: expected the SHA-256 ${expected}, found ` +
        `${found}${what}; patch from an unaltered copy`,
      { details: { path: this.path, expected, found, damaged: damaged.join(' ') } },
    );
  }

  async #digest(signal: AbortSignal | undefined): Promise<Uint8Array> {
    const running = createSha256();
    const block = new Uint8Array(BLOCK);
    for (let at = 0; at < this.size; at += BLOCK) {
      signal?.throwIfAborted();
      running.update(block.subarray(0, this.read(at, block)));
      await new Promise(setImmediate);
    }
    return running.digest();
  }

  close(): void {
    this.#file.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Places in a message; its details have all of them. */
const SHOWN = 8;
