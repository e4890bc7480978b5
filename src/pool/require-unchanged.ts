/**
 * Files that workers read by their paths, at many times: what they made of them is good only if it was one
 * state of one file.
 *
 * @module
 */
import { isSiltError } from '../core/errors.ts';
import { type FileVersion, SourceFile, sameVersion } from '../io/source-file.ts';
import { imageChanged } from './scan-file.ts';

/** What an open file is, with the size that all else is based on, should it have grown since it was opened. */
export function openedVersion(file: SourceFile): FileVersion {
  return { ...file.version(), size: file.size };
}

/**
 * Call it when the last byte has been read.
 *
 * @param opened what {@link openedVersion} said
 * @throws SiltError IMAGE_CHANGED when the file was written to, or another one has taken its place
 */
export function requireUnchanged(path: string, opened: FileVersion): void {
  let now: FileVersion;
  try {
    // By its path, as the workers read it: most tools put a new file in the place of the old one.
    using again = SourceFile.open(path);
    now = again.version();
  } catch (error) {
    if (!isSiltError(error, 'IO_FAILED')) throw error;
    throw imageChanged(path);
  }
  if (!sameVersion(opened, now)) throw imageChanged(path);
}
