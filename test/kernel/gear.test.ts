/**
 * The gear kernel against the rule it implements.
 */
import test from 'ava';
import fc from 'fast-check';
import { gearRule } from '../../src/chunker/fastcdc.ts';
import { KiB } from '../../src/core/sizes.ts';
import { GEAR_WINDOW, GearKernel, gearTable } from '../../src/kernel/gear.ts';
import { loadKernel } from '../../src/kernel/load.ts';
import { type OracleSizes, oracleCuts } from '../support/fastcdc-oracle.ts';
import { dataKinds, sampleData } from '../support/sample-data.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const kernel = new GearKernel(512 * KiB);

function kernelCuts(bytes: Uint8Array, sizes: OracleSizes): number[] {
  kernel.input.set(bytes);
  const lengths: number[] = [];
  for (let start = 0; ; ) {
    const found = kernel.cut(start, bytes.length, true, gearRule({ name: 'fastcdc-1', ...sizes }));
    if (found.length === 0) return lengths;
    for (const length of found) start += length;
    lengths.push(...found);
  }
}

/** Sizes that a rule allows, small enough that a test sees many cuts. */
const sizes = fc
  .record({ min: fc.integer({ min: 64, max: 3000 }), more: fc.nat(5000), most: fc.nat(20_000) })
  .map(({ min, more, most }) => ({ min, average: min + more, max: min + more + most }));

for (const kind of dataKinds) {
  test(`on ${kind} bytes the kernel cuts where the rule says`, (t) => {
    for (const average of [1 * KiB, 2 * KiB, 4 * KiB, 16 * KiB]) {
      const given = { min: average / 2, average, max: average * 4 };
      const bytes = sampleData(kind, 300 * KiB + 1);
      t.deepEqual(kernelCuts(bytes, given), oracleCuts(bytes, given));
    }
  });
}

test('whatever the sizes and the bytes, the kernel cuts where the rule says', (t) => {
  fc.assert(
    fc.property(
      sizes,
      fc.constantFrom(...dataKinds),
      fc.nat(60_000),
      fc.nat(9),
      (given, kind, length, seed) => {
        const bytes = sampleData(kind, length, seed);
        t.deepEqual(kernelCuts(bytes, given), oracleCuts(bytes, given));
      },
    ),
    { seed: 1, numRuns: 150 },
  );
});

test('an input that ends close to a size limit is cut as the rule says', (t) => {
  const given = { min: 100, average: 200, max: 400 };
  const bytes = sampleData('random', 420);
  for (let length = 0; length <= bytes.length; length++) {
    const part = bytes.subarray(0, length);
    t.deepEqual(kernelCuts(part, given), oracleCuts(part, given), `${length} bytes`);
  }
});

test('equal sizes leave no choice: chunks of that size and a rest', (t) => {
  const bytes = sampleData('random', 10_000);
  const given = { min: 3000, average: 3000, max: 3000 };
  t.deepEqual(kernelCuts(bytes, given), [3000, 3000, 3000, 1000]);
});

test('a cut waits until it cannot be moved by more input', (t) => {
  const rule = gearRule({ name: 'fastcdc-1', min: 1024, average: 2048, max: 8192 });
  kernel.input.set(sampleData('random', 8192));
  t.is(kernel.cut(0, 8191, false, rule).length, 0);
  t.is(kernel.cut(0, 8192, false, rule).length, 1);
});

test('one call stores a bounded number of lengths, and the next goes on', (t) => {
  const rule = gearRule({ name: 'fastcdc-1', min: 64, average: 64, max: 64 });
  const large = new GearKernel(64 * 70_000);
  t.is(large.cut(0, 64 * 70_000, true, rule).length, 65_536);
  t.is(large.cut(64 * 65_536, 64 * 70_000, true, rule).length, 70_000 - 65_536);
});

test('a run of one byte value has no candidate, for averages of 1 KiB and more', (t) => {
  // In a run the hash is G[b] · (2^64 − 1) = −G[b]: it must not lie below the widest limit there is.
  const { loose } = gearRule({ name: 'fastcdc-1', min: 512, average: 1024, max: 4096 });
  gearTable().forEach((value, byte) => {
    t.true(BigInt.asUintN(64, -value) >= loose, `byte ${byte}`);
  });
});

test('the table has 256 values that differ', (t) => {
  t.is(new Set(gearTable()).size, 256);
  t.is(GEAR_WINDOW, 64);
});

test('a kernel that was not built is one clear error', async (t) => {
  const error = await throwsSilt(t, async () => loadKernel('missing'), 'INTERNAL');
  t.regex(error.message, /npm run build:wasm/);
});
