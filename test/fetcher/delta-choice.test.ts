import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { KiB } from '../../src/core/sizes.ts';
import { listCandidates } from '../../src/fetcher/delta-candidates.ts';
import type { Seed } from '../../src/fetcher/seeds.ts';
import { type DeltaRepository, deltaBase, deltaTest, type PublishedDelta } from '../support/delta-release.ts';
import { holdsImage } from '../support/holds-image.ts';
import { edited } from '../support/publish-deltas.ts';
import { serveRepository } from '../support/release-repository.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** Three releases of one size, as those of a slot are: the third has a delta from each of the others. */
const [one, two] = [deltaBase, edited(deltaBase, 21, 12, 500 * KiB, 2000 * KiB)];
const three = edited(two, 22, 40, 1500 * KiB, 4200 * KiB);

const test = deltaTest({ one, two, three });
type Test = ExecutionContext<DeltaRepository>;

async function openStage(t: Test, seedBytes: Uint8Array) {
  const directory = await temporaryDirectory(t);
  const [seed, output] = [join(directory, 'seed'), join(directory, 'image')];
  await writeFile(seed, seedBytes);
  const served = await serveRepository(t, t.context.repository);
  return { ...served, directory, seed, output };
}

function deltaFrom(t: Test, image: Uint8Array): PublishedDelta {
  const [nearer, further] = t.context.deltas as [PublishedDelta, PublishedDelta];
  return image === two ? nearer : further;
}

const keyOf = ({ entry }: PublishedDelta): RegExp => new RegExp(`deltas/${entry.sha256}`);

for (const [name, base] of Object.entries({ one, two })) {
  test(`of two Bases of one size, ${name} is known by its digest, without a look at the other delta`, async (t) => {
    t.is(t.context.deltas.length, 2);
    const { proxy, fetch, seed, output, directory } = await openStage(t, base);
    const report = await fetch({ output, seeds: [seed] });
    await holdsImage(t, output, three);
    t.is(report.deltaBytes, deltaFrom(t, base).entry.size);
    t.is(proxy.count(/deltas/).bytes, proxy.count(keyOf(deltaFrom(t, base))).bytes);
    t.is(report.windows.repaired, 0);
    // And so it is by the index that was saved when it was installed.
    const stateDirectory = join(directory, 'state');
    await fetch({ output, stateDirectory, delta: false, selector: { version: name } });
    const phases = new Set<string>();
    const onProgress = ({ phase }: { phase: string }): void => void phases.add(phase);
    const second = await fetch({ output, stateDirectory, onProgress });
    await holdsImage(t, output, three);
    t.false(phases.has('seeds'), 'nothing was cut');
    t.is(second.deltaBytes, report.deltaBytes);
  });

  test(`of two Bases of one size, ${name} with a spoilt block is known by what its delta would copy`, async (t) => {
    const altered = Buffer.from(base);
    altered.set(seededBytes('spoilt', 4 * KiB), 2600 * KiB);
    const { proxy, fetch, seed, output } = await openStage(t, altered);
    const report = await fetch({ output, seeds: [seed] });
    await holdsImage(t, output, three);
    const [right, wrong] = [deltaFrom(t, base), deltaFrom(t, base === one ? two : one)];
    t.is(proxy.count(keyOf(right)).bytes, right.entry.size);
    t.is(proxy.count(keyOf(wrong)).bytes, wrong.entry.head.size);
    t.true(report.windows.repaired <= 1);
  });
}

test('of several seeds the Base is found wherever it stands', async (t) => {
  const { fetch, seed, output, directory } = await openStage(t, two);
  const others = ['a', 'b'].map((name) => join(directory, name));
  for (const other of others) await writeFile(other, seededBytes(other.slice(-1), two.length));
  const [a, b] = others as [string, string];
  for (const seeds of [
    [seed, a, b],
    [a, seed, b],
    [a, b, seed],
  ]) {
    await rm(output, { force: true });
    const report = await fetch({ output, seeds });
    await holdsImage(t, output, three);
    t.is(report.deltaBytes, deltaFrom(t, two).entry.size);
  }
});

test('a delta that cannot be read gives way to another, and at last to chunks', async (t) => {
  const repository = join(await temporaryDirectory(t), 'repository');
  await cp(t.context.repository, repository, { recursive: true });
  const altered = Buffer.from(two);
  altered.set(seededBytes('spoilt', 4 * KiB), 2600 * KiB);
  const { seed, output } = await openStage(t, altered);
  const { fetch } = await serveRepository(t, repository);
  for (const image of [two, one]) {
    await rm(join(repository, 'deltas', deltaFrom(t, image).entry.sha256));
    const report = await fetch({ output, seeds: [seed] });
    await holdsImage(t, output, three);
    t.regex(report.deltaProblem ?? '', /deltas\//);
    t.is(report.deltaBytes > 0, image === two);
    await rm(output);
  }
});

test('candidates are those that are confirmed, then those of the size, small deltas first', (t) => {
  const seedOf = (size: number, isBlockDevice: boolean, digest: string | undefined, isTarget = false): Seed =>
    ({
      file: { size, isBlockDevice },
      index: { summary: { known: digest === undefined ? [] : [{ size: 100, sha256: digest }] } },
      isTarget,
    }) as unknown as Seed;
  const entry = (sha256: string, size: number) => ({
    base: { sha256, size: 100 },
    sha256: `delta of ${sha256}`,
    size,
    head: { sha256: '', size: 10 },
  });
  const entries = [entry('a', 30), entry('b', 20), entry('c', 40)];
  const seeds = [
    seedOf(99, true, undefined),
    seedOf(101, false, undefined),
    seedOf(100, false, 'c'),
    seedOf(5000, true, undefined),
    seedOf(100, false, 'a', true),
  ];
  const found = listCandidates(entries, seeds).map(({ entry: { base }, seed, confirmed }) => [
    base.sha256,
    seed,
    confirmed,
  ]);
  t.deepEqual(found, [
    ['c', 2, true],
    ['b', 2, false],
    ['b', 3, false],
    ['a', 2, false],
    ['a', 3, false],
    ['c', 3, false],
  ]);
});
