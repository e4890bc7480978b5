/**
 * The check that every installer begins with: what lies on the medium is the image that was published.
 *
 * @module
 */
import { SiltError } from '../../core/errors.ts';
import { NAME_PATTERN } from '../../format/manifest.ts';
import { digestOnMedium } from '../../io/medium-digest.ts';
import type { InstallImage, InstallOptions } from './installer.ts';

/**
 * Reads the image back from the medium, past the page cache where the file system can do that, and compares
 * size and SHA-256, unless the caller has just done so. A device may be larger than the image; a file may not, unless `mayBeLarger`.
 *
 * @throws SiltError INSTALL_FAILED, IO_FAILED; the reason of the signal
 */
export async function verifyOnMedium(
  image: InstallImage,
  options: InstallOptions = {},
  mayBeLarger = false,
): Promise<void> {
  if (options.verified === true) return;
  const { path } = image;
  const found = await digestOnMedium(path, image.size, options);
  if (found.size < image.size || (!mayBeLarger && found.size !== image.size)) {
    throw wrongImage(path, `${image.size} bytes`, `${found.size} bytes`);
  }
  if (found.sha256 !== image.sha256) throw wrongImage(path, `SHA-256 ${image.sha256}`, found.sha256);
}

function wrongImage(path: string, expected: string, found: string): SiltError {
  const message = `read back from ${path}: expected ${expected}, found ${found}; fetch it again, and check the health of the medium if it happens again`;
  return new SiltError('INSTALL_FAILED', message, { details: { path, expected, found } });
}

/** Holds a version to the names that may be a part of a path or an argument. @throws SiltError INSTALL_FAILED */
export function requireVersion(version: string): void {
  if (NAME_PATTERN.test(version)) return;
  const message = `expected a version of letters, digits and . _ + ~ -, found ${JSON.stringify(version.slice(0, 80))}; publish it under such a name`;
  throw new SiltError('INSTALL_FAILED', message, { details: { version: version.slice(0, 80) } });
}
