import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { equalBytes } from '../../src/core/bytes.ts';
import { sha256 } from '../../src/core/digest.ts';
import { isSiltError } from '../../src/core/errors.ts';
import { KiB, MiB } from '../../src/core/sizes.ts';
import type { BaseReader } from '../../src/delta/base-reader.ts';
import { WindowDecoder } from '../../src/delta/window-decoder.ts';
import { REPAIRED_AT_ONCE } from '../../src/fetcher/delta-trust.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { addsUp } from '../support/adds-up.ts';
import {
  type DeltaRepository,
  deltaBase,
  deltaImage,
  deltaTest,
  type PublishedDelta,
} from '../support/delta-release.ts';
import { holdsImage } from '../support/holds-image.ts';
import { edited } from '../support/publish-deltas.ts';
import { serveRepository } from '../support/release-repository.ts';
import { seededBytes, seededRandom } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** A Base that is not what the delta was made for, in some places or in all. */

const test = deltaTest({ old: deltaBase, new: deltaImage });
type Test = ExecutionContext<DeltaRepository>;

function readerOf(bytes: Uint8Array): BaseReader {
  const read = (at: number, into: Uint8Array): number => {
    const part = bytes.subarray(at, at + into.length);
    into.set(part);
    return part.length;
  };
  return { size: bytes.length, read };
}

/** The windows that come out wrong when this is the Base: their payloads decoded one by one. */
async function spoiltWindows(t: Test, base: Uint8Array): Promise<number[]> {
  const { entry, head, index } = t.context.deltas[0] as PublishedDelta;
  const store = await openDirectoryStore(t.context.repository);
  const object = await store.get(`deltas/${entry.sha256}`, { maxBytes: 64 * MiB });
  const decoder = new WindowDecoder();
  return head.windows.flatMap(({ source, offset: start, length }, window) => {
    const { digest } = index.windows[window] as (typeof index.windows)[number];
    if (source.kind === 'zero' || source.kind === 'none' || digest === undefined) return [];
    let bytes: Uint8Array;
    if (source.kind === 'copy') bytes = base.subarray(source.from, source.from + length);
    else {
      const { offset, length: size } = source.payload;
      const payload = (object?.bytes ?? new Uint8Array()).subarray(offset, offset + size);
      try {
        bytes = decoder.decode(payload, length, readerOf(base), readerOf(deltaImage.subarray(0, start)));
      } catch (error) {
        if (!isSiltError(error, 'FORMAT_INVALID')) throw error;
        return [window];
      }
    }
    return equalBytes(sha256(bytes), digest) ? [] : [window];
  });
}

const damages: Readonly<Record<string, (copy: Buffer, at: number) => void>> = {
  'a flipped byte': (copy, at) => void copy.writeUInt8((copy[at] ?? 0) ^ 0x40, at),
  'a block of 4 KiB written over': (copy, at) =>
    void copy.set(seededBytes(`block ${at}`, 4 * KiB), at - (at % (4 * KiB))),
  'a block of 4 KiB of zeros': (copy, at) =>
    void copy.fill(0, at - (at % (4 * KiB)), at - (at % (4 * KiB)) + 4 * KiB),
};

for (const [what, damage] of Object.entries(damages)) {
  test(`${what} in the Base costs the chunks of its windows, and the delta does the rest`, async (t) => {
    const directory = await temporaryDirectory(t);
    const { fetch } = await serveRepository(t, t.context.repository);
    const delta = t.context.deltas[0] as PublishedDelta;
    const random = seededRandom(what.length);
    for (const places of [1, 3]) {
      const [seed, output] = [join(directory, `seed ${places}`), join(directory, `image ${places}`)];
      const base = Buffer.from(deltaBase);
      for (let i = 0; i < places; i++) damage(base, Math.floor(random() * 3900 * KiB));
      await writeFile(seed, base);
      const spoilt = await spoiltWindows(t, base);
      t.true(spoilt.length >= 1 && spoilt.length <= REPAIRED_AT_ONCE);
      const chunks = await fetch({ output: `${output} of chunks`, seeds: [seed], delta: false });
      const report = await fetch({ output, seeds: [seed] });
      await holdsImage(t, output, deltaImage);
      t.is(report.windows.repaired, spoilt.length);
      // Every payload once, those of spoilt windows as well: that they are can be seen only then.
      t.is(report.deltaBytes, delta.entry.size);
      const level2 = spoilt.reduce(
        (sum, window) => sum + (delta.index.windows[window]?.level2?.length ?? 0),
        0,
      );
      t.is(report.indexBytes, delta.indexHeadSize + level2);
      t.true(report.dataBytes <= chunks.dataBytes);
      const spoiltBytes = spoilt.reduce((sum, window) => sum + (delta.head.windows[window]?.length ?? 0), 0);
      t.true(report.bytesFromPacks > 0 && report.bytesFromPacks <= spoiltBytes);
      t.true(addsUp(report));
      t.is(report.deltaProblem, undefined);
    }
  });
}

test('a Base altered in many places at its beginning, as by a mount, still serves where it is right', async (t) => {
  const directory = await temporaryDirectory(t);
  const { fetch } = await serveRepository(t, t.context.repository);
  const delta = t.context.deltas[0] as PublishedDelta;
  for (const inPlace of [false, true]) {
    const [seed, output] = [join(directory, `seed ${inPlace}`), join(directory, `image ${inPlace}`)];
    const base = edited(deltaBase, 77, 100, 0, 4100 * KiB);
    await writeFile(seed, base);
    if (inPlace) await writeFile(output, seededBytes('what was there', 1 * MiB));
    const spoilt = await spoiltWindows(t, base);
    t.true(spoilt.length > REPAIRED_AT_ONCE, `${spoilt.length}`);
    const report = await fetch({ output, seeds: [seed], inPlace });
    await holdsImage(t, output, deltaImage);
    t.is(report.windows.repaired, spoilt.length);
    t.is(report.windows.rebuilt, spoilt.length - REPAIRED_AT_ONCE);
    t.is(report.deltaBytes, delta.entry.size);
    t.true(report.bytesFromDelta > 0);
    t.is(report.deltaProblem, undefined);
    t.true(addsUp(report));
  }
});
