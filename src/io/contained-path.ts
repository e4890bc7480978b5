/**
 * Where a relative path lies below a root, with no way out.
 *
 * @module
 */
import { realpath } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { SiltError } from '../core/errors.ts';
import { ioError, systemCode } from './io-error.ts';

/**
 * The path of `relative` below `root`, when its directory exists and no part of that is a symbolic link;
 * `undefined` when there is no such directory. The last part is not looked at: open it with O_NOFOLLOW.
 *
 * @param root absolute and real, see `realpath`
 * @param relative parts divided by `/`, already free of empty ones, `.` and `..`
 * @throws SiltError STORE_REFUSED when a link stands in the way
 */
export async function containedPath(root: string, relative: string): Promise<string | undefined> {
  const path = join(root, ...relative.split('/'));
  const directory = dirname(path);
  let real: string;
  try {
    real = await realpath(directory);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code !== 'ELOOP') throw ioError(error, 'look up', directory);
    real = '';
  }
  if (real === directory || `${real}${sep}` === directory) return path;
  const message = `${directory} is reached by a symbolic link, which could lead out of ${root}; put a directory there`;
  throw new SiltError('STORE_REFUSED', message, { details: { path: directory } });
}
