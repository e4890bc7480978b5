/**
 * Work that goes on side by side, with results in the order in which it was given.
 *
 * @module
 */

/** The results of `work` for each item, in order, with at most `limit` of them under way or waiting. */
export async function* inOrder<T, R>(
  items: Iterable<T>,
  limit: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const ahead: Promise<R>[] = [];
  for (const item of items) {
    const result = work(item);
    // Failures are met where the result is awaited, in order; until then they must not go unhandled.
    result.catch(() => {});
    ahead.push(result);
    if (ahead.length >= limit) yield await (ahead.shift() as Promise<R>);
  }
  for (const result of ahead) yield await result;
}
