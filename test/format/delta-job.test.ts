import test from 'ava';
import {
  checkDeltaJob,
  checkDeltaResult,
  type DeltaJob,
  deltaJobId,
  newDeltaJob,
} from '../../src/format/delta-job.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const image = (digit: string): DeltaJob['base'] => ({
  size: 1000,
  sha256: digit.repeat(64),
  index: { sha256: digit.repeat(64), size: 300, head: { sha256: digit.repeat(64), size: 100 } },
});
const seal = { product: 'os', epoch: 1, keyId: '0'.repeat(32) };
const job = newDeltaJob({ silt: '1.2.3', base: image('a'), target: image('b'), entropy: 'model' });

test('a job survives JSON, and has the same name then', (t) => {
  const again = checkDeltaJob(JSON.parse(JSON.stringify(job)));
  t.deepEqual(again, job);
  t.is(deltaJobId(again), deltaJobId(job));
  t.regex(deltaJobId(job), /^delta-[0-9a-f]{64}$/);
});

test('a job with anything else in it has another name', (t) => {
  const others: DeltaJob[] = [
    { ...job, silt: '1.2.4' },
    { ...job, entropy: 'general' },
    { ...job, memory: 1 },
    { ...job, base: image('c') },
    { ...job, target: image('c') },
    { ...job, base: job.target, target: job.base },
    { ...job, base: { ...job.base, seal } },
    { ...job, target: { ...job.target, seal } },
    { ...job, target: { ...job.target, index: image('d').index } },
  ];
  const names = new Set([job, ...others].map(deltaJobId));
  t.is(names.size, others.length + 1);
});

const garbage: readonly [string, unknown][] = [
  ['nothing', undefined],
  ['a text', 'job'],
  ['a member that is not known', { ...job, path: '/etc/passwd' }],
  ['another format of deltas', { ...job, delta: 2 }],
  ['a digest that is a path', { ...job, base: { ...job.base, sha256: '../../etc/passwd' } }],
  [
    'an index with a name that is a path',
    { ...job, base: { ...job.base, index: { ...job.base.index, sha256: '..' } } },
  ],
  ['an image larger than any', { ...job, target: { ...job.target, size: 2 ** 60 } }],
  [
    'a head larger than any',
    {
      ...job,
      target: {
        ...job.target,
        index: { ...job.target.index, head: { sha256: 'a'.repeat(64), size: 2 ** 40 } },
      },
    },
  ],
  ['a size below zero', { ...job, base: { ...job.base, size: -1 } }],
  ['a product that is a path', { ...job, base: { ...job.base, seal: { ...seal, product: '../x' } } }],
];

for (const [what, value] of garbage) {
  test(`a job is refused: ${what}`, async (t) => {
    await throwsSilt(t, async () => checkDeltaJob(value), 'FORMAT_INVALID');
  });
}

const result = {
  kept: true,
  sha256: 'e'.repeat(64),
  size: 10,
  head: { sha256: 'f'.repeat(64), size: 5 },
  windows: { none: 0, zero: 0, copy: 0, coded: 1 },
  bytes: { control: 1, difference: 1, literal: 1, head: 5 },
  fetchBytes: 10,
  chunkBytes: 100,
  seconds: 0.5,
};

test('a result is one of two kinds, with all of its members', async (t) => {
  t.deepEqual(checkDeltaResult(result), result as never);
  t.deepEqual(checkDeltaResult({ kept: false, reason: 'no-saving' }), { kept: false, reason: 'no-saving' });
  for (const member of Object.keys(result)) {
    await throwsSilt(t, async () => checkDeltaResult({ ...result, [member]: undefined }), 'FORMAT_INVALID');
  }
  await throwsSilt(t, async () => checkDeltaResult({ ...result, sha256: '../x' }), 'FORMAT_INVALID');
  await throwsSilt(t, async () => checkDeltaResult({ kept: false, reason: 'same-image' }), 'FORMAT_INVALID');
  await throwsSilt(t, async () => checkDeltaResult(null), 'FORMAT_INVALID');
});
