import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toHex } from '../../src/core/digest.ts';
import { SiltError } from '../../src/core/errors.ts';
import { KiB } from '../../src/core/sizes.ts';
import { Assembler } from '../../src/fetcher/assembler.ts';
import { noTotals } from '../../src/fetcher/assembly-totals.ts';
import { FrameSource } from '../../src/fetcher/frame-source.ts';
import { KeptWindows } from '../../src/fetcher/kept-windows.ts';
import { Level2Source } from '../../src/fetcher/level2-source.ts';
import { openImage } from '../../src/fetcher/open-image.ts';
import { chooseWays } from '../../src/fetcher/plan.ts';
import { defaultCosts } from '../../src/fetcher/ranges.ts';
import { closeSeed, openSeed, type Seed } from '../../src/fetcher/seeds.ts';
import { Spool } from '../../src/fetcher/spool.ts';
import type { Target } from '../../src/fetcher/target.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { openReleases } from '../../src/trust/unsigned-releases.ts';
import { oldImage } from '../support/release-images.ts';
import { PRODUCT } from '../support/release-repository.ts';
import { repositoryTest } from '../support/repository-test.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const test = repositoryTest({ old: oldImage });

/** As a worn-out medium does: from here on it cannot be read. */
function unreadableFrom(seed: Seed, from: number): Seed {
  const read = (at: number, into: Uint8Array): number => {
    if (at + into.length > from) throw new SiltError('IO_FAILED', 'the device reports an error');
    return seed.file.read(at, into);
  };
  return { ...seed, file: { read } as Seed['file'] };
}

test('a seed that can no longer be read gives way to the repository', async (t) => {
  const directory = await temporaryDirectory(t);
  const store = await openDirectoryStore(t.context.repository);
  const selector = { product: PRODUCT, selector: { latest: true } } as const;
  const { head, indexKey } = await openImage(store, openReleases(store), selector);
  await writeFile(join(directory, 'seed'), oldImage);
  const places = { saved: undefined, scratch: directory };
  const seed = await openSeed(join(directory, 'seed'), places, head.chunker, head.windowing);
  t.teardown(() => closeSeed(seed));
  const spool = new Spool(join(directory, 'spool'));
  t.teardown(() => spool.close());
  const sources = {
    seeds: [unreadableFrom(seed, 1000 * KiB)],
    kept: new KeptWindows(head.windows, new Set()),
  };
  const ways = chooseWays(head, sources);
  t.true(ways.every(({ way }) => way === 'copy' || way === 'zero'));
  const image = new Uint8Array(oldImage.length);
  const write = ({ offset, bytes }: { offset: number; bytes: Uint8Array }): number => {
    image.set(bytes, offset);
    return bytes.length;
  };
  const packKeys = head.packs.map(({ digest }) => `packs/${toHex(digest)}`);
  const assembler = new Assembler({
    head,
    sources,
    target: { write } as unknown as Target,
    level2: new Level2Source(store, indexKey, head, spool, {}),
    frames: new FrameSource(store, packKeys, [], spool),
    costs: defaultCosts,
    totals: noTotals(),
  });
  for (const [index, way] of ways.entries()) await assembler.build(index, way, undefined);
  t.is(Buffer.compare(image, oldImage), 0);
  const { repaired, bytesFromSeeds, bytesFromPacks, bytesZero, bytesWritten } = assembler.totals;
  t.true(repaired >= 2);
  t.true(bytesFromSeeds > 200 * KiB);
  t.true(bytesFromPacks > 1000 * KiB);
  t.is(bytesFromSeeds + bytesFromPacks + bytesZero, oldImage.length);
  t.is(bytesWritten, oldImage.length);
});
