/**
 * The token that a device shows when it delivers events. RFC 6750 §2.1: Bearer.
 *
 * @module
 */
import { isSiltError, SiltError } from '../../core/errors.ts';
import { KiB } from '../../core/sizes.ts';
import { readSmallFile } from '../../io/read-small-file.ts';

const MAX_TOKEN = 8 * KiB;

/**
 * The first line of the file at `path`.
 *
 * @throws SiltError KEY_UNUSABLE when there is none or it is no token; IO_FAILED
 */
export async function readToken(path: string): Promise<string> {
  const unusable = (found: string): SiltError => {
    const message = `expected a token in the first line of ${path}, found ${found}; correct feedback.tokenFile`;
    return new SiltError('KEY_UNUSABLE', message, { details: { path } });
  };
  const bytes = await readSmallFile(path, MAX_TOKEN).catch((error: unknown) => {
    throw isSiltError(error, 'FORMAT_INVALID') ? unusable('a file that is too large') : error;
  });
  if (bytes === undefined) throw unusable('no file');
  const line = bytes.toString('latin1').split('\n', 1)[0]?.trim() ?? '';
  // What it found stays untold: it may be half a secret.
  if (!/^[A-Za-z0-9._~+/-]+=*$/.test(line)) throw unusable(line === '' ? 'nothing' : 'something else');
  return line;
}
