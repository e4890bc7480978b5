import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { changeOf, type GrowSource, growImage, permute } from '../../bench/corpus/grow.ts';
import { chunkerSpec, createChunker } from '../../src/chunker/chunker.ts';
import { sha256Hex } from '../../src/core/digest.ts';
import { KiB } from '../../src/core/sizes.ts';
import { chunkLengths } from '../support/chunk-lengths.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const UNIT = 8 * KiB;

/** Two sources of 5 and 3 units and a rest; their newer releases have every byte in a hundred changed. */
async function makeSources(t: ExecutionContext): Promise<GrowSource[]> {
  const directory = await temporaryDirectory(t);
  const sources: GrowSource[] = [];
  for (const [name, units] of Object.entries({ a: 5, b: 3 })) {
    const source = { old: join(directory, `${name}.old`), new: join(directory, `${name}.new`) };
    const bytes = seededBytes(name, units * UNIT + 100);
    await writeFile(source.old, bytes);
    await writeFile(
      source.new,
      bytes.map((byte, at) => (at % 100 === 0 ? byte + 1 : byte)),
    );
    sources.push(source);
  }
  return sources;
}

async function grow(
  release: 'old' | 'new',
  units: number,
  sources: readonly GrowSource[],
): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  const options = { bytes: units * UNIT, sources, unit: UNIT };
  for await (const part of growImage(release, options)) parts.push(Buffer.from(part));
  return new Uint8Array(Buffer.concat(parts));
}

function chunks(image: Uint8Array): string[] {
  let at = 0;
  return chunkLengths(createChunker(chunkerSpec('fastcdc-1', KiB)), image).map((length) => {
    at += length;
    return sha256Hex(image.subarray(at - length, at));
  });
}

test('an image is the same each time, and the beginning of every larger one', async (t) => {
  const sources = await makeSources(t);
  for (const release of ['old', 'new'] as const) {
    const image = await grow(release, 50, sources);
    t.deepEqual(await grow(release, 50, sources), image);
    const larger = await grow(release, 80, sources);
    t.deepEqual(larger.subarray(0, image.length), image);
  }
  t.is((await grow('old', 50, sources)).length, 50 * UNIT);
});

test('no chunk occurs twice, though the sources are repeated many times over', async (t) => {
  const sources = await makeSources(t);
  const found = chunks(await grow('old', 160, sources));
  t.true(found.length > 160);
  t.is(new Set(found).size, found.length);
});

test('the first copies are the sources as they are', async (t) => {
  const sources = await makeSources(t);
  const image = await grow('old', 6, sources);
  t.deepEqual(image.subarray(0, UNIT), seededBytes('a', UNIT));
  t.deepEqual(image.subarray(UNIT, 2 * UNIT), seededBytes('b', UNIT));
  t.deepEqual(image.subarray(4 * UNIT, 5 * UNIT), seededBytes('a', 3 * UNIT).subarray(2 * UNIT));
});

test('a tenth of the units is updated and a few get longer, the rest stays', async (t) => {
  const changes = Array.from({ length: 1000 }, (_, at) => changeOf(at));
  t.is(changes.filter((change) => change === 'update').length, 100);
  const inserts = changes.filter((change) => change === 'insert').length;
  t.true(inserts >= 10 && inserts <= 50, `${inserts}`);

  const sources = await makeSources(t);
  const [old, next] = [await grow('old', 200, sources), await grow('new', 200, sources)];
  const longer = changes.slice(0, 200).filter((change) => change === 'insert').length;
  t.true(next.length > old.length && next.length <= old.length + 64 * longer);
  const known = new Set(chunks(old));
  const found = chunks(next);
  const fresh = found.filter((chunk) => !known.has(chunk)).length / found.length;
  t.true(fresh > 0.08 && fresh < 0.25, `${fresh}`);
});

test('updated units differ from the old ones as the two releases of their source do', async (t) => {
  const sources = await makeSources(t);
  const [old, next] = [await grow('old', 10, sources), await grow('new', 10, sources)];
  const at = Array.from({ length: 10 }, (_, unit) => changeOf(unit)).indexOf('update');
  const until = Array.from({ length: at }, (_, unit) => changeOf(unit));
  t.false(until.includes('insert'), 'else the unit lies further on');
  const [before, after] = [old, next].map((image) => image.subarray(at * UNIT, (at + 1) * UNIT));
  const different = before?.filter((byte, i) => byte !== after?.[i]).length ?? 0;
  t.true(different === Math.floor(UNIT / 100) || different === Math.ceil(UNIT / 100), `${different}`);
});

test('a permutation maps byte values one to one, keeps differences, and is another for each copy', (t) => {
  const tables = new Set<string>();
  const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  for (let copy = 0; copy < 32_768; copy += 1) {
    const table = all.slice();
    permute(table, copy);
    tables.add(Buffer.from(table).toString('latin1'));
    if (copy === 0) t.deepEqual(table, all);
    if (copy % 1000 !== 1) continue;
    t.is(new Set(table).size, 256);
    const steps = new Set(table.subarray(1).map((byte, i) => byte - (table[i] ?? 0)));
    t.is(steps.size, 1, 'the difference of two bytes alone decides the difference of what they become');
  }
  t.is(tables.size, 32_768);
});

test('a source that is shorter than a unit is refused', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'short');
  await writeFile(path, 'short');
  await t.throwsAsync(grow('old', 1, [{ old: path, new: path }]), { message: /at least 8192 bytes/ });
});
