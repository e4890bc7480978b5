/**
 * A delta file on this machine: its head at once, payloads one by one, each only with its tag.
 *
 * @module
 */
import { equalBytes } from '../core/bytes.ts';
import { isSiltError, SiltError } from '../core/errors.ts';
import {
  DELTA_FRONT,
  type DeltaHead,
  type DeltaWindow,
  type DeltaWindowSource,
  decodeDeltaHead,
  deltaHeadLength,
} from '../format/delta-file.ts';
import { tagOf } from '../format/frame.ts';
import { SourceFile } from '../io/source-file.ts';

export class PatchFile {
  readonly path: string;
  readonly size: number;
  readonly head: DeltaHead;
  /** Bytes ahead of the payloads. */
  readonly headLength: number;
  readonly #file: SourceFile;

  private constructor(file: SourceFile, head: DeltaHead, headLength: number) {
    this.path = file.path;
    this.size = file.size;
    this.head = head;
    this.headLength = headLength;
    this.#file = file;
  }

  /**
   * Opens the file and reads its head.
   *
   * @throws SiltError IO_FAILED; FORMAT_INVALID when it is no delta or is cut off, DIGEST_MISMATCH when its
   *   head was altered, FORMAT_UNSUPPORTED
   */
  static open(path: string): PatchFile {
    const file = SourceFile.open(path);
    try {
      const front = readUpTo(file, DELTA_FRONT);
      const headLength = deltaHeadLength(front);
      // Looked at first, so that no more is allocated than the file can fill.
      if (headLength > file.size) throw cutOff(file, headLength);
      const head = decodeDeltaHead(readUpTo(file, headLength));
      const expected = head.windows.reduce((sum, { source }) => sum + payloadLength(source), headLength);
      if (file.size < expected) throw cutOff(file, expected);
      if (file.size > expected && !file.isBlockDevice) {
        throw new SiltError(
          'FORMAT_INVALID',
          `${path}: expected ${expected} bytes of a delta, found ${file.size}; get it anew`,
          { details: { path, expected, found: file.size } },
        );
      }
      return new PatchFile(file, head, headLength);
    } catch (error) {
      file.close();
      throw withPath(error, path);
    }
  }

  /**
   * The payload of a coded window; `undefined` for any other.
   *
   * @throws SiltError DIGEST_MISMATCH when it does not have its tag, IO_FAILED
   */
  payload({ offset, source }: DeltaWindow): Uint8Array<ArrayBuffer> | undefined {
    if (source.kind !== 'coded') return undefined;
    const payload = new Uint8Array(source.payload.length);
    const count = this.#file.read(source.payload.offset, payload);
    if (count === payload.length && equalBytes(tagOf(payload), source.payload.tag)) return payload;
    throw new SiltError(
      'DIGEST_MISMATCH',
      `${this.path}: the payload of the window at ${offset} was altered or cut off; get the delta anew`,
      { details: { path: this.path, offset: source.payload.offset, length: payload.length } },
    );
  }

  close(): void {
    this.#file.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Bytes in the delta file for a window of this source. */
export function payloadLength(source: DeltaWindowSource): number {
  return source.kind === 'coded' ? source.payload.length : 0;
}

/** What the format says of bytes, said of the file that they are in. */
function withPath(error: unknown, path: string): unknown {
  if (!isSiltError(error) || error.details.path !== undefined) return error;
  const { code, message, details, cause } = error;
  return new SiltError(code, `${path}: ${message}`, { details: { ...details, path }, cause });
}

function readUpTo(file: SourceFile, length: number): Uint8Array {
  const bytes = new Uint8Array(Math.min(length, file.size));
  return bytes.subarray(0, file.read(0, bytes));
}

function cutOff(file: SourceFile, expected: number): SiltError {
  return new SiltError(
    'FORMAT_INVALID',
    `${file.path}: the delta is cut off: expected ${expected} bytes, found ${file.size}; get it anew`,
    { details: { path: file.path, expected, found: file.size } },
  );
}
