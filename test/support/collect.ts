/**
 * Everything an iteration gives.
 *
 * @module
 */

/** The items, in order. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** The bytes, joined. */
export async function collectBytes(blocks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await collect(blocks));
}
