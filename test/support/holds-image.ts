/**
 * Comparing a file with the bytes it must hold: megabytes, which `deepEqual` takes seconds for.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import type { ExecutionContext } from 'ava';

/** Holds the file at `path` to being `image`, and tells where they part. */
export async function holdsImage(
  t: ExecutionContext<unknown>,
  path: string,
  image: Uint8Array,
  message = path,
): Promise<void> {
  const found = await readFile(path);
  t.is(found.length, image.length, message);
  if (found.equals(image)) return;
  t.fail(`${message} differs from ${found.findIndex((byte, at) => byte !== image[at])} on`);
}
