/**
 * Names that a release may have: of its product, its version, its images and a channel.
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';
import { MAX_RELEASE_IMAGES } from '../format/limits.ts';
import { NAME_PATTERN } from '../format/manifest.ts';

export interface ReleaseNames {
  readonly product: string;
  readonly version: string;
  readonly images: readonly { readonly name: string }[];
  readonly channel?: string | undefined;
}

/** @throws SiltError USAGE for a name that is none, for no or too many images, for two of one name */
export function checkNames(options: ReleaseNames): void {
  const names: [string, string][] = [
    ['product', options.product],
    ['version', options.version],
    ...options.images.map(({ name }): [string, string] => ['image name', name]),
  ];
  if (options.channel !== undefined) names.push(['channel', options.channel]);
  for (const [what, name] of names) {
    if (!NAME_PATTERN.test(name)) {
      throw new SiltError(
        'USAGE',
        `expected a ${what} of 1 to 128 letters, digits and . _ + ~ - that begins with a letter or digit, found "${name}"`,
      );
    }
  }
  const count = options.images.length;
  if (count === 0 || count > MAX_RELEASE_IMAGES) {
    throw new SiltError('USAGE', `expected 1 to ${MAX_RELEASE_IMAGES} images to publish, found ${count}`);
  }
  const distinct = new Set(options.images.map(({ name }) => name));
  if (distinct.size !== count) {
    throw new SiltError('USAGE', 'two images have the same name; name them with --image NAME=PATH');
  }
}
