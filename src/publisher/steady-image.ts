/**
 * An image that is being published: it must stay what it was when it was opened. Workers read it by its
 * path, at many times, and what they read makes one release only if it was one state of one file.
 *
 * @module
 */
import { isSiltError, SiltError } from '../core/errors.ts';
import { type FileVersion, SourceFile } from '../io/source-file.ts';
import { openedVersion, requireUnchanged } from '../pool/require-unchanged.ts';

export class SteadyImage {
  readonly file: SourceFile;
  readonly #opened: FileVersion;

  private constructor(file: SourceFile) {
    this.file = file;
    this.#opened = openedVersion(file);
  }

  /** Opens a regular file or a block device. @throws SiltError IMAGE_UNREADABLE */
  static open(path: string): SteadyImage {
    try {
      return new SteadyImage(SourceFile.open(path));
    } catch (cause) {
      if (!isSiltError(cause, 'IO_FAILED')) throw cause;
      throw new SiltError('IMAGE_UNREADABLE', `cannot read the image: ${cause.message}`, {
        details: { path },
        cause,
      });
    }
  }

  /**
   * Call it when the last byte has been read.
   *
   * @throws SiltError IMAGE_CHANGED when the file was written to, or another one has taken its place
   */
  requireUnchanged(): void {
    requireUnchanged(this.file.path, this.#opened);
  }

  [Symbol.dispose](): void {
    this.file.close();
  }
}
