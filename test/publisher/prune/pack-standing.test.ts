import test from 'ava';
import fc from 'fast-check';
import { sha256 } from '../../../src/core/digest.ts';
import { type PackRange, REMNANT_HEAD_BYTES, type RemnantHead } from '../../../src/format/remnant.ts';
import { ByteRanges } from '../../../src/publisher/prune/byte-ranges.ts';
import {
  isNeeded,
  type PackStanding,
  standIn,
  standingSize,
  standOf,
} from '../../../src/publisher/prune/pack-standing.ts';
import type { PackUse } from '../../../src/publisher/prune/pack-usage.ts';

const FRAMES = 5;
const FRAME = 100;
const SIZE = 10 + FRAMES * FRAME + 40;
const digest = sha256(Buffer.from('standing'));

const frame = (number: number): PackRange => ({ offset: 10 + number * FRAME, length: FRAME });

function useOf(frames: readonly number[]): PackUse {
  const entry = { digest, size: SIZE, trailerLength: 28, trailerDigest: digest };
  return { entry, key: undefined, live: new ByteRanges(frames.map(frame)) };
}

function headOf(frames: readonly number[], packSize = SIZE): RemnantHead {
  const ends = [
    { offset: 0, length: 10 },
    { offset: packSize - 40, length: 40 },
  ];
  return { pack: digest, packSize, ranges: new ByteRanges([...ends, ...frames.map(frame)]).list() };
}

const framesOf = fc.subarray([0, 1, 2, 3, 4]);

test('whichever of the objects that are not needed go, a reader comes first upon one that has all that is in use', (t) => {
  const kinds = { pack: 0, remnant: 0 };
  const remnant = fc.option(framesOf, { nil: undefined });
  fc.assert(
    fc.property(framesOf, framesOf, fc.tuple(remnant, remnant, remnant), (used, also, listed) => {
      const remnants = new Map(
        listed.flatMap((frames, at) => (frames === undefined ? [] : [[at + 1, headOf(frames)] as const])),
      );
      const needs = [useOf(used), useOf(also)];
      const inUse = standIn(remnants, needs);
      kinds[inUse === 0 ? 'pack' : 'remnant'] += 1;
      const standing: PackStanding = { packKey: 'packs/p', use: useOf(used), remnants, inUse };
      const objects = [0, ...remnants.keys()];
      const free = objects.filter((number) => !isNeeded(standing, number));
      t.false(free.includes(inUse));
      for (let gone = 0; gone < 2 ** free.length; gone += 1) {
        const left = objects.filter((number) => {
          const at = free.indexOf(number);
          return at < 0 || (gone & (1 << at)) === 0;
        });
        const first = left[0] as number;
        const has = first === 0 ? [0, 1, 2, 3, 4] : (listed[first - 1] as readonly number[]);
        for (const number of [...used, ...also]) t.true(has.includes(number), `frame ${number} in ${first}`);
      }
    }),
    { seed: 11, numRuns: 1500 },
  );
  t.true(kinds.pack > 200 && kinds.remnant > 200, JSON.stringify(kinds));
});

test('where it cannot be told what is in use, or a remnant is of another pack, everything stays', (t) => {
  const remnants = new Map([[1, headOf([0, 1, 2])]]);
  const unknown: PackStanding = { packKey: 'packs/p', use: useOf([0]), remnants, inUse: undefined };
  t.true(isNeeded(unknown, 0) && isNeeded(unknown, 1));
  t.is(standOf(unknown), undefined);
  t.is(standIn(new Map([[1, headOf([0, 1, 2], SIZE + 1)]]), [useOf([0])]), 0);
});

test('what stands for a pack is told with its size, and with the numbers that nobody has seen', (t) => {
  const head = headOf([3]);
  const standing: PackStanding = {
    packKey: 'packs/p',
    use: useOf([3]),
    remnants: new Map([
      [1, headOf([1, 3])],
      [3, head],
    ]),
    inUse: 3,
  };
  const size = REMNANT_HEAD_BYTES + 10 + FRAME + 40;
  t.deepEqual(standOf(standing), { key: 'packs/p.3', size, unseen: ['packs/p.2'] });
  t.is(standingSize(standing), size);
  t.is(standingSize({ ...standing, inUse: 0 }), SIZE);
  t.is(standOf({ ...standing, inUse: 0 }), undefined);
});
