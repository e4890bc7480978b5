/**
 * What the operating system says about a file, as the one error class of silt.
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';

/** The `code` of a system error (`ENOENT`, `EEXIST`, ...), or `undefined` for anything else. */
export function systemCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

const advice: Readonly<Record<string, string>> = {
  EROFS: 'the file system is mounted read-only: mount it writable or choose another place',
  EACCES: 'permission denied: run as a user that may write there, or choose another place',
  EPERM: 'the system does not permit it: check owner and attributes of the file',
  ENOENT: 'there is no such file or directory: check the path',
  ENOTDIR: 'a part of the path is no directory: check the path',
  EISDIR: 'it is a directory: name a file',
  EMFILE: 'too many open files: raise the limit (ulimit -n)',
  EIO: 'the device reports an error: check its health and the kernel log',
};

/**
 * `error` as a {@link SiltError}: NO_SPACE when the disk or the quota is full, else IO_FAILED. An error that
 * already is a SiltError comes back as it is.
 *
 * @param action what was tried, as it stands after "cannot": `write`, `create the directory`
 */
export function ioError(error: unknown, action: string, path: string): SiltError {
  if (error instanceof SiltError) return error;
  const systemError = systemCode(error);
  const details = { path, systemError };
  if (systemError === 'ENOSPC' || systemError === 'EDQUOT') {
    const what = systemError === 'ENOSPC' ? 'the file system is full' : 'the disk quota is used up';
    const message = `cannot ${action} ${path}: ${what}; free some space and run again`;
    return new SiltError('NO_SPACE', message, { details, cause: error });
  }
  const why = advice[systemError ?? ''] ?? (error instanceof Error ? error.message : String(error));
  return new SiltError('IO_FAILED', `cannot ${action} ${path}: ${why}`, { details, cause: error });
}
