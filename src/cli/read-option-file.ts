/**
 * Small files that options name: roots of trust, certificates, keys. Whole, and never more than a cap.
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';
import { KiB } from '../core/sizes.ts';
import { readSmallFile } from '../io/read-small-file.ts';

/** A root of trust, and a bundle of certificates larger than any that is needed. */
const MAX_OPTION_FILE: number = 512 * KiB;

/**
 * The file at `path`, named by `option`.
 *
 * @throws SiltError IO_FAILED, also when there is none; FORMAT_INVALID when it has more than `limit` bytes
 */
export async function readOptionFile(
  option: string,
  path: string,
  limit: number = MAX_OPTION_FILE,
): Promise<Uint8Array> {
  const bytes = await readSmallFile(path, limit);
  if (bytes !== undefined) return bytes;
  throw new SiltError('IO_FAILED', `there is no ${path}, which ${option} names; check the path`, {
    details: { path },
  });
}

/** The same as text. */
export async function readOptionText(option: string, path: string, limit?: number): Promise<string> {
  return Buffer.from(await readOptionFile(option, path, limit)).toString('utf8');
}
