import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { chunkerSpec } from '../../src/chunker/chunker.ts';
import { toHex } from '../../src/core/digest.ts';
import type { ErrorCode } from '../../src/core/errors.ts';
import { KiB, MiB } from '../../src/core/sizes.ts';
import type { IndexHead } from '../../src/format/index-head.ts';
import type { Manifest } from '../../src/format/manifest.ts';
import type { PackFrame } from '../../src/format/pack.ts';
import { openIndex } from '../../src/publisher/known-chunks.ts';
import { readPackFrames } from '../../src/publisher/read-pack.ts';
import { contentKeyFor } from '../../src/trust/seal/content-key.ts';
import { withFlips } from '../support/edited-image.ts';
import { holdsImage } from '../support/holds-image.ts';
import { AT_ONCE, fetchRelease, serveRepository } from '../support/release-repository.ts';
import {
  asMaster,
  makeDevices,
  objectsOf,
  type SealedBench,
  sealedBench,
} from '../support/sealed-release.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import type { Party } from '../support/test-pki.ts';
import { throwsSilt } from '../support/throws-silt.ts';

/** What whoever holds the repository, and no key, can do to sealed objects. */

/** Frames of equal lengths: chunks of one size, which do not compress. */
const FIXED = chunkerSpec('fixed-1', 64 * KiB);
const image = seededBytes('sealed damage', 3 * MiB);
const BEFORE = Buffer.from('the image that was there before');

interface Scene extends SealedBench {
  readonly manifest: Manifest;
  readonly head: IndexHead;
  readonly indexKey: string;
  readonly device: Party;
  /** Its frames, in order. */
  readonly frames: readonly PackFrame[];
  readonly packKey: string;
  /** Replaces an object by what `change` makes of a copy of it. */
  alter(key: string, change: (bytes: Buffer) => Uint8Array): Promise<void>;
  /** Holds a fetch to failing with this code, and to leaving the output alone. */
  refuses(code: ErrorCode): Promise<void>;
}

async function scene(t: ExecutionContext<unknown>): Promise<Scene> {
  const bench = await sealedBench(t);
  const { device } = await makeDevices('device');
  const { manifest } = await bench.seal('1', { a: await bench.file('image', image) }, [device], {
    chunker: FIXED,
  });
  const output = join(bench.directory, 'output');
  await writeFile(output, BEFORE);
  const key = await contentKeyFor(manifest, asMaster);
  const { head } = await openIndex(bench.store, manifest.images[0]!, key);
  const [entry] = head.packs;
  const packKey = `packs/${toHex(entry!.digest)}`;
  const seal = key!.objectSeal('pack', entry!.trailerDigest);
  return {
    ...bench,
    manifest,
    device,
    head,
    indexKey: objectsOf(manifest).indexes[0]!,
    frames: readPackFrames(await bench.object(packKey), seal),
    packKey,
    async alter(name, change) {
      const path = join(bench.repository, name);
      await writeFile(path, change(await readFile(path)));
    },
    async refuses(code) {
      await throwsSilt(
        t,
        () => bench.fetch({ output, selector: { version: '1' } }, bench.keysOf(device)),
        code,
      );
      await holdsImage(t, output, BEFORE);
    },
  };
}

/** A copy of `bytes` in which two stretches have changed places. */
function swapped(bytes: Buffer, a: number, b: number, length: number): Buffer {
  const copy = Buffer.from(bytes);
  bytes.copy(copy, a, b, b + length);
  bytes.copy(copy, b, a, a + length);
  return copy;
}

test('sealed frames in another order are refused', async (t) => {
  const { frames, packKey, alter, refuses } = await scene(t);
  const [a, b] = [frames[0]!, frames[1]!];
  t.is(a.stored, b.stored);
  await alter(packKey, (pack) => swapped(pack, a.offset, b.offset, a.stored));
  await refuses('SEAL_BROKEN');
});

test('a sealed frame moved to another place is refused', async (t) => {
  const { frames, packKey, alter, refuses } = await scene(t);
  const [a, b] = [frames[0]!, frames[1]!];
  await alter(packKey, (pack) => {
    pack.copy(pack, b.offset, a.offset, a.offset + a.stored);
    return pack;
  });
  await refuses('SEAL_BROKEN');
});

test('a sealed frame moved to the same place of another pack is refused', async (t) => {
  const { device, frames, packKey, alter, refuses, seal, file, object, manifest, store } = await scene(t);
  const path = await file('other', seededBytes('the other pack', 3 * MiB));
  const second = await seal('2', { a: path }, [device], { chunker: FIXED });
  t.is(second.manifest.sealing?.keyId, manifest.sealing?.keyId, 'the same content key');
  const key = await contentKeyFor(second.manifest, asMaster);
  const { head } = await openIndex(store, second.manifest.images[0]!, key);
  const foreign = await object(`packs/${toHex(head.packs[0]!.digest)}`);
  const { offset, stored } = frames[0]!;
  await alter(packKey, (pack) => {
    foreign.copy(pack, offset, offset, offset + stored);
    return pack;
  });
  await refuses('SEAL_BROKEN');
});

test('truncated sealed frames are refused', async (t) => {
  const { frames, packKey, alter, refuses } = await scene(t);
  const last = frames.at(-1)!;
  // The end of the object is gone: what is asked for cannot come.
  await alter(packKey, (pack) => pack.subarray(0, last.offset + last.stored - 1));
  await refuses('RANGE_INVALID');
  // Something else stands where it was.
  await alter(packKey, (pack) => Buffer.concat([pack, Buffer.alloc(100)]));
  await refuses('SEAL_BROKEN');
});

test('an altered byte of a sealed pack is refused, wherever in a frame', async (t) => {
  const { frames, packKey, alter, refuses } = await scene(t);
  for (const { offset, stored } of frames) {
    for (const at of [offset, offset + (stored >> 1), offset + stored - 1]) {
      const flip = (pack: Buffer): Buffer => {
        pack[at] = (pack[at] as number) ^ 0x20;
        return pack;
      };
      await alter(packKey, flip);
      await refuses('SEAL_BROKEN');
      await alter(packKey, flip);
    }
  }
});

test('an altered byte of a sealed index is refused: by its digest in the head, by its seal behind it', async (t) => {
  const { manifest, head, indexKey, alter, refuses } = await scene(t);
  const { size } = manifest.images[0]!.index.head;
  const level2 = head.windows.flatMap((window) => window.level2 ?? []);
  t.true(level2.length > 1);
  const places: (readonly [number, ErrorCode])[] = [
    ...[0, 9, 20, 41, 42, size - 1].map((at) => [at, 'DIGEST_MISMATCH'] as const),
    ...level2.flatMap(({ offset, length }) =>
      [offset, offset + length - 1].map((at) => [at, 'SEAL_BROKEN'] as const),
    ),
  ];
  for (const [at, code] of places) {
    const flip = (index: Buffer): Buffer => {
      index[at] = (index[at] as number) ^ 0x20;
      return index;
    };
    await alter(indexKey, flip);
    await refuses(code);
    await alter(indexKey, flip);
  }
});

test('level 2 blocks of a sealed index in another order are refused', async (t) => {
  const { head, indexKey, alter, refuses } = await scene(t);
  const level2 = head.windows.flatMap((window) => window.level2 ?? []);
  const [a, b] = [level2[0]!, level2[1]!];
  await alter(indexKey, (index) =>
    Buffer.concat([
      index.subarray(0, a.offset),
      index.subarray(b.offset, b.offset + b.length),
      index.subarray(a.offset, b.offset),
      index.subarray(b.offset + b.length),
    ]),
  );
  await refuses('SEAL_BROKEN');
});

test('an altered sealed delta costs the chunks of its windows, and the image comes out right', async (t) => {
  const bench = await sealedBench(t);
  const { device } = await makeDevices('device');
  const old = seededBytes('delta base', 1200 * KiB);
  const next = withFlips(old, 0, old.length, 6000);
  const seed = await bench.file('old', old);
  await bench.seal('1', { a: seed }, [device]);
  const { manifest } = await bench.seal('2', { a: await bench.file('new', next) }, [device], {
    bases: { last: 1 },
  });
  const [delta] = manifest.images[0]!.deltas!;
  const path = join(bench.repository, `deltas/${delta!.sha256}`);
  const whole = await readFile(path);
  // In the front, in the sealed head, in the first payload and in the tag of the last.
  const places = [3, delta!.head.size - 5, delta!.head.size + 40, whole.length - 3];
  for (const [i, at] of places.entries()) {
    const altered = Buffer.from(whole);
    altered[at] = (altered[at] as number) ^ 8;
    await writeFile(path, altered);
    const output = join(bench.directory, `image ${i}`);
    const report = await bench.fetch({ output, seeds: [seed] }, bench.keysOf(device));
    await holdsImage(t, output, next);
    t.true(report.bytesFromPacks > 0);
    t.regex(report.deltaProblem ?? '', /deltas\/[0-9a-f]{64}/);
  }
});

test('a sealed frame that a cache has altered is asked for again, and the fetch goes on', async (t) => {
  const { repository, directory } = await scene(t);
  const { proxy, store } = await serveRepository(t, repository);
  const fault = { kind: 'flip-bit', at: 5000 } as const;
  proxy.script([{ match: /packs/, fault, times: 2 }]);
  const output = join(directory, 'fetched');
  await fetchRelease(store, { product: 'os', output, contentKey: asMaster, retry: AT_ONCE });
  await holdsImage(t, output, image);
});
