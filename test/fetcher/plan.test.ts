import test from 'ava';
import fc from 'fast-check';
import { findKept } from '../../src/fetcher/kept-windows.ts';
import { addFrames, chooseWays, planBatches, sourceOf } from '../../src/fetcher/plan.ts';
import type { WindowEntry } from '../../src/format/index-head.ts';
import { ZERO_FRAME } from '../../src/format/level2.ts';
import { bytesOfKind, bytesOfLayout, KINDS, type Layout, seedOf, worldOf } from '../support/chunk-world.ts';

const layout = fc.array(fc.array(fc.integer({ min: 0, max: KINDS - 1 }), { minLength: 1, maxLength: 4 }), {
  maxLength: 8,
});
/** A target that has something to do with the image: pieces of it, at other places. */
const worlds = fc
  .record({ image: layout, seeds: fc.array(layout, { maxLength: 2 }), target: layout })
  .chain(({ image, seeds, target }) =>
    fc
      .constantFrom(target, image, [...target.slice(0, 2), ...image], [...image.slice(2), ...target])
      .map((old) => ({
        image,
        seeds,
        old: old as Layout,
      })),
  );

const read =
  (bytes: Uint8Array) =>
  (at: number, into: Uint8Array): number => {
    const part = bytes.subarray(at, at + into.length);
    into.set(part);
    return part.length;
  };

test('what the plan reads from the target is still there when its turn comes, and all that is there is used', async (t) => {
  let fromOldTarget = 0;
  let fromNewTarget = 0;
  const property = fc.asyncProperty(worlds, async ({ image, seeds: layouts, old }) => {
    const { head, mapOf } = worldOf(image);
    const seeds = [...layouts.map((each) => seedOf(each, false)), seedOf(old, true)];
    const bytes = [...layouts, old].map(bytesOfLayout);
    const final = bytesOfLayout(image);
    const target = new Uint8Array(Math.max(final.length, bytes.at(-1)?.length ?? 0));
    target.set(bytes.at(-1) as Uint8Array);
    const kept = await findKept(head.windows, read(target.slice()), undefined);
    const sources = { seeds, kept };
    const ways = chooseWays(head, sources);
    const rebuilt = ways.flatMap(({ way }, window) => (way === 'rebuild' ? [window] : []));
    const [batch] = planBatches(head, rebuilt, mapOf, sources);
    /** Where the image has been made of chunks so far, so that the plan can know what lies where. */
    const known: { kind: number; offset: number }[] = [];
    for (const [number, way] of ways.entries()) {
      const window = head.windows[number] as WindowEntry;
      const right = final.subarray(window.offset, window.offset + window.length);
      const made = new Uint8Array(window.length);
      if (way.way === 'keep') {
        t.deepEqual(target.slice(window.offset, window.offset + window.length), right);
        continue;
      }
      if (way.way === 'copy') {
        const from = seeds[way.seed]?.isTarget ? target : (bytes[way.seed] as Uint8Array);
        made.set(from.slice(way.offset, way.offset + window.length));
      } else if (way.way === 'rebuild') {
        const map = mapOf(number);
        let at = 0;
        for (const [i, length] of map.lengths.entries()) {
          const kind = map.hints[i] as number;
          const into = made.subarray(at, at + length);
          at += length;
          if (map.frameOf[i] === ZERO_FRAME) continue;
          const source = sourceOf({ hint: kind, length }, window, batch?.table as never, sources);
          const inSeeds = layouts.some((each) => each.flat().includes(kind));
          const inOld = placesOf(old, kind).some(
            (offset) => offset >= window.offset || kept.holds(offset, length),
          );
          const inNew = known.some((each) => each.kind === kind && each.offset + length <= window.offset);
          t.is(source.from !== 'frame', inSeeds || inOld || inNew, `${kind} in window ${number}`);
          if (source.from === 'frame') {
            into.set(bytesOfKind(kind));
          } else if (source.from === 'seed' && seeds[source.seed]?.isTarget !== true) {
            into.set((bytes[source.seed] as Uint8Array).slice(source.offset, source.offset + length));
          } else if (source.from !== 'zero') {
            into.set(target.slice(source.offset, source.offset + length));
            if (source.from === 'seed') fromOldTarget += 1;
            else fromNewTarget += 1;
          }
        }
        placesOf([image[number] as readonly number[]], undefined).forEach((offset, i) => {
          known.push({ kind: image[number]?.[i] as number, offset: window.offset + offset });
        });
      }
      t.deepEqual(made, Uint8Array.from(right), `window ${number} by ${way.way}`);
      target.set(made, window.offset);
    }
  });
  await fc.assert(property, { seed: 7, numRuns: 400 });
  t.true(fromOldTarget > 50 && fromNewTarget > 50, 'otherwise it shows nothing');
});

/** Offsets of the chunks of a kind, or of all. */
function placesOf(old: Layout, kind: number | undefined): number[] {
  const places: number[] = [];
  let at = 0;
  for (const each of old.flat()) {
    if (kind === undefined || each === kind) places.push(at);
    at += bytesOfKind(each).length;
  }
  return places;
}

test('a window that lies whole in a seed is copied, from the first seed that has it', async (t) => {
  const { head } = worldOf([[1, 2], [3, 0, 4], [0, 0], [5]]);
  const kept = await findKept(head.windows, () => 0, undefined);
  const seeds = [seedOf([[7], [3, 0, 4]], false), seedOf([[5], [3, 0, 4]], false)];
  t.deepEqual(chooseWays(head, { seeds, kept }), [
    { way: 'rebuild' },
    { way: 'copy', seed: 0, offset: 12 },
    { way: 'zero' },
    { way: 'copy', seed: 1, offset: 0 },
  ]);
});

test('a frame is listed once, with the last window that needs it', (t) => {
  const { head, mapOf } = worldOf([[1, 2, 1], [3], [0, 2], [1]]);
  const spans = new Map();
  for (const window of [0, 1, 2]) addFrames(head, window, mapOf(window), () => true, spans);
  t.deepEqual(
    [...spans.values()].map(({ offset, lastWindow }) => [offset, lastWindow]),
    [
      [100, 0],
      [200, 2],
      [300, 1],
    ],
  );
});
