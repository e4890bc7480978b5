import test from 'ava';
import type { ScannedChunks } from '../../src/pool/tasks.ts';
import { inStretches } from '../../src/publisher/scan-stretches.ts';
import { collect } from '../support/collect.ts';

function batchOf(chunks: number): ScannedChunks {
  return {
    from: 0,
    lengths: new Uint32Array(chunks),
    ids: new Uint8Array(32 * chunks),
    zeros: new Uint8Array(chunks),
  };
}

async function* each(counts: readonly number[]): AsyncGenerator<ScannedChunks> {
  for (const count of counts) yield batchOf(count);
}

async function stretchesOf(counts: readonly number[], chunks: number): Promise<number[][]> {
  const stretches = await collect(inStretches(each(counts), chunks));
  return stretches.map((stretch) => stretch.map(({ lengths }) => lengths.length));
}

test('batches gather until they have enough chunks, and the last stretch has what is left', async (t) => {
  t.deepEqual(await stretchesOf([3, 3, 4, 9, 1, 12, 2], 10), [[3, 3, 4], [9, 1], [12], [2]]);
  t.deepEqual(await stretchesOf([10], 10), [[10]]);
  t.deepEqual(await stretchesOf([], 10), []);
});

test('where nothing is to be weighed each batch is given on at once', async (t) => {
  t.deepEqual(await stretchesOf([3, 4], 0), [[3], [4]]);
});
