/**
 * Which keys are allowed. Keys come out of documents that somebody else wrote, so every store asks here first,
 * and no store ever sees a key that could leave its place.
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';
import type { ByteRange, Key } from './store.ts';

/** S3's limit, in bytes of UTF-8; no file system of use takes much more either. */
const MAX_KEY_BYTES = 1024;

/** Control characters, the other separator, and what Windows and URLs read as more than a name. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the point
const FORBIDDEN = /[\u0000-\u001f\u007f\\]/;

/** True when `text` is a key: parts divided by `/`, none empty, `.` or `..`, none of silt's working files. */
export function isKey(text: string): text is Key {
  if (Buffer.byteLength(text) > MAX_KEY_BYTES || FORBIDDEN.test(text) || !text.isWellFormed()) return false;
  return text
    .split('/')
    .every((part) => part !== '' && part !== '.' && part !== '..' && !part.startsWith('.silt-'));
}

/** @throws SiltError FORMAT_INVALID unless `key` is one, see {@link isKey} */
export function checkKey(key: Key): void {
  if (isKey(key)) return;
  throw new SiltError(
    'FORMAT_INVALID',
    `expected the key of an object such as packs/<sha256>, found "${key}"`,
    {
      details: { key },
    },
  );
}

/** @throws SiltError RANGE_INVALID unless the range has an offset of at least 0 and a length of at least 1 */
export function checkRange(key: Key, range: ByteRange): void {
  const { offset, length } = range;
  if (offset >= 0 && length >= 1 && Number.isSafeInteger(offset) && Number.isSafeInteger(offset + length))
    return;
  throw new SiltError(
    'RANGE_INVALID',
    `expected a range of ${key}, found offset ${offset}, length ${length}`,
    {
      details: { key, offset, length },
    },
  );
}

/** The error of a range that does not lie within an object of `size` bytes. */
export function rangeOutside(key: Key, range: ByteRange, size: number): SiltError {
  const end = range.offset + range.length;
  const message = `expected bytes ${range.offset} to ${end} of ${key}, but it has only ${size}`;
  return new SiltError('RANGE_INVALID', message, { details: { key, ...range, size } });
}

/** The error of a range of an object that is not there. */
export function objectMissing(key: Key, location: string): SiltError {
  return new SiltError('OBJECT_MISSING', `expected the object ${key} in ${location}, but there is none`, {
    details: { key, location },
  });
}

/** The error of an object larger than its reader allows; `size` as far as it is known. */
export function objectTooLarge(key: Key, maxBytes: number, size: number): SiltError {
  const message = `expected at most ${maxBytes} bytes in ${key}, found ${size} or more`;
  return new SiltError('FORMAT_INVALID', message, { details: { key, maxBytes, size } });
}
