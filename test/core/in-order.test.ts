import test from 'ava';
import { inOrder } from '../../src/core/in-order.ts';

/** Work that ends when it is told to. */
function gate(): {
  readonly begun: number[];
  work(item: number): Promise<string>;
  finish(item: number): void;
  fail(item: number, error: Error): void;
} {
  const begun: number[] = [];
  const waiting = new Map<number, PromiseWithResolvers<string>>();
  return {
    begun,
    work(item) {
      begun.push(item);
      const result = Promise.withResolvers<string>();
      waiting.set(item, result);
      return result.promise;
    },
    finish: (item) => waiting.get(item)?.resolve(`result ${item}`),
    fail: (item, error) => waiting.get(item)?.reject(error),
  };
}

test('results come in the order of the items, whichever is ready first', async (t) => {
  const { work, finish } = gate();
  const results = inOrder([0, 1, 2], 3, work);
  const first = results.next();
  for (const item of [2, 1, 0]) finish(item);
  t.is((await first).value, 'result 0');
  t.is((await results.next()).value, 'result 1');
  t.is((await results.next()).value, 'result 2');
  t.true((await results.next()).done);
});

test('no more than the limit are under way or waiting', async (t) => {
  const { begun, work, finish } = gate();
  const results = inOrder([0, 1, 2, 3, 4], 2, work);
  const first = results.next();
  t.deepEqual(begun, [0, 1]);
  finish(1);
  finish(0);
  await first;
  t.deepEqual(begun, [0, 1]);
  const second = results.next();
  t.deepEqual(begun, [0, 1, 2]);
  t.is((await second).value, 'result 1');
});

test('a failure comes in its turn, and others after it go unnoticed', async (t) => {
  const { work, finish, fail } = gate();
  const results = inOrder([0, 1, 2], 3, work);
  const first = results.next();
  fail(2, new Error('third'));
  fail(1, new Error('second'));
  finish(0);
  t.is((await first).value, 'result 0');
  await t.throwsAsync(results.next(), { message: 'second' });
  t.true((await results.next()).done);
});

test('no items, no results', async (t) => {
  t.true((await inOrder([], 4, async () => 1).next()).done);
});
