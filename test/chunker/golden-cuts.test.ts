/**
 * Golden cuts: what `fastcdc-1` is. Were one to change, devices would no longer find the chunks of the images
 * they hold, so a change needs a new chunker name and never new vectors.
 *
 * `SILT_WRITE_VECTORS=1` writes the vectors that are missing; it never replaces one.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { chunkerSpec, createChunker } from '../../src/chunker/chunker.ts';
import { sha256Hex } from '../../src/core/digest.ts';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { chunkLengths } from '../support/chunk-lengths.ts';
import { type DataKind, dataKinds, sampleData } from '../support/sample-data.ts';

const folder = fileURLToPath(new URL('../vectors/fastcdc-1/', import.meta.url));

interface Vector {
  readonly about: string;
  readonly input: {
    readonly kind: DataKind;
    readonly length: number;
    readonly seed: number;
    readonly sha256: string;
  };
  readonly spec: {
    readonly name: string;
    readonly min: number;
    readonly average: number;
    readonly max: number;
  };
  readonly lengths: readonly number[];
}

if (process.env.SILT_WRITE_VECTORS === '1') {
  mkdirSync(folder, { recursive: true });
  for (const kind of dataKinds) {
    for (const average of [1 * KiB, 4 * KiB, 16 * KiB, 64 * KiB]) {
      const path = `${folder}${kind}-${average}.json`;
      if (!existsSync(path)) writeFileSync(path, `${JSON.stringify(makeVector(kind, average))}\n`);
    }
  }
}

function makeVector(kind: DataKind, average: number): Vector {
  const length = Math.min(average * 60, 2 * MiB) + 123;
  const seed = average;
  const bytes = sampleData(kind, length, seed);
  const spec = chunkerSpec('fastcdc-1', average);
  return {
    about: `sampleData("${kind}", ${length}, ${seed}) of test/support/sample-data.ts, cut by ${spec.name}`,
    input: { kind, length, seed, sha256: sha256Hex(bytes) },
    spec,
    lengths: chunkLengths(createChunker(spec), bytes),
  };
}

const files = readdirSync(folder).filter((name) => name.endsWith('.json'));

test('there are golden cuts for every kind of bytes', (t) => {
  for (const kind of dataKinds) t.true(files.some((name) => name.startsWith(kind)));
});

for (const name of files) {
  test(`golden cuts: ${name}`, (t) => {
    const vector = JSON.parse(readFileSync(folder + name, 'utf8')) as Vector;
    const { kind, length, seed, sha256 } = vector.input;
    const bytes = sampleData(kind, length, seed);
    t.is(sha256Hex(bytes), sha256, 'the input itself must be what it was');
    t.deepEqual(chunkLengths(createChunker(vector.spec), bytes), [...vector.lengths]);
  });
}
