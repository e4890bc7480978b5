/**
 * The images on a publisher's command line: paths, `NAME=PATH`, and `-` for stdin.
 *
 * @module
 */
import { basename } from 'node:path';
import { SiltError } from '../core/errors.ts';
import { NAME_PATTERN } from '../format/manifest.ts';

export interface ImageArgument {
  readonly name: string;
  /** `-` for stdin. */
  readonly path: string;
}

/**
 * The images that `paths` (named by their file) and `named` (`NAME=PATH`) speak of, in that order.
 *
 * @throws SiltError USAGE
 */
export function imageArguments(paths: readonly string[], named: readonly string[]): ImageArgument[] {
  const images = [
    ...paths.map((path) => ({ name: nameOf(path), path })),
    ...named.map((text) => parseNamed(text)),
  ];
  if (images.length === 0) {
    throw new SiltError('USAGE', 'expected at least one image: a path, or --image NAME=PATH');
  }
  if (images.filter(({ path }) => path === '-').length > 1) {
    throw new SiltError('USAGE', 'expected "-" once, as there is one standard input');
  }
  return images;
}

/**
 * Reads `NAME=PATH`.
 *
 * @param option that it is the value of, for the error
 * @throws SiltError USAGE
 */
export function parseNamed(text: string, option = '--image'): ImageArgument {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1) {
    throw new SiltError('USAGE', `expected ${option} NAME=PATH, found "${text}"`);
  }
  return { name: text.slice(0, at), path: text.slice(at + 1) };
}

/** The name of the file, with a hyphen for whatever a name may not hold. */
function nameOf(path: string): string {
  if (path === '-') {
    throw new SiltError('USAGE', 'an image from standard input needs a name: --image NAME=-');
  }
  const name = basename(path)
    .replaceAll(/[^A-Za-z0-9._+~-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 128);
  if (!NAME_PATTERN.test(name)) {
    throw new SiltError('USAGE', `no image name can be made of "${path}"; name it with --image NAME=PATH`);
  }
  return name;
}
