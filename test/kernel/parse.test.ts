/**
 * The parse of a window: what becomes a cover, a copy, a literal.
 */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { readAround } from '../../src/delta/base-reader.ts';
import { type Candidate, WindowParser } from '../../src/kernel/parse.ts';
import { COPY, COVER, EARLIER, LITERAL, type Segment } from '../../src/kernel/window-coder.ts';
import { bytesReader } from '../support/bytes-reader.ts';
import { programBytes } from '../support/program-bytes.ts';
import { sampleData } from '../support/sample-data.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

const parser = new WindowParser();
const nothing = new Uint8Array();

interface Sources {
  readonly base?: Uint8Array;
  readonly earlier?: Uint8Array;
}

/** The segments, held to covering the window and to lying in their sources. */
function parsed(
  t: ExecutionContext<unknown>,
  window: Uint8Array,
  candidates: readonly Candidate[],
  { base = nothing, earlier = nothing }: Sources = {},
  by = parser,
): Segment[] {
  const segments = by.parse(
    window,
    candidates,
    { base: base.length, earlier: earlier.length },
    (fromTarget, at, into) => readAround(bytesReader(fromTarget ? earlier : base), at, into),
  );
  let at = 0;
  let wrong = 0;
  for (const [i, { kind, length, from }] of segments.entries()) {
    const source = kind === COVER ? base : kind === EARLIER ? earlier : window;
    if (length < 1 || (kind === LITERAL && segments[i - 1]?.kind === LITERAL)) wrong += 1;
    if (kind !== LITERAL && (from < 0 || from + length > source.length)) wrong += 1;
    if (kind === COPY && from >= at) wrong += 1;
    // Copies have no differences.
    if (kind === COPY || kind === EARLIER) {
      for (let k = 0; k < length; k++) if (window[at + k] !== source[from + k]) wrong += 1;
    }
    at += length;
  }
  t.is(wrong, 0);
  t.is(at, window.length);
  return segments;
}

const cover = (at: number, from: number, length: number): Candidate => ({ at, from, length, earlier: false });
const join = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const bytesOf = (segments: readonly Segment[], kind: number): number =>
  segments.reduce((sum, segment) => (segment.kind === kind ? sum + segment.length : sum), 0);

test('a window that is in the Base is one cover', (t) => {
  const base = seededBytes('base', 50_000);
  for (const length of [1, 2, 15, 16, 17, 1000, 40_000]) {
    const window = base.slice(3000, 3000 + length);
    const segments = parsed(t, window, [cover(0, 3000, length)], { base });
    if (length > 15) t.deepEqual(segments, [{ kind: COVER, length, from: 3000 }]);
  }
});

test('a byte changed every 20 does not break a cover', (t) => {
  const base = seededBytes('base', 20_000);
  const window = base.map((byte, at) => (at % 20 === 9 ? byte ^ 0x55 : byte));
  const segments = parsed(t, window, [cover(0, 0, window.length)], { base });
  t.deepEqual(segments, [{ kind: COVER, length: window.length, from: 0 }]);
});

test('a block that moved is a cover between those of its surroundings', (t) => {
  const base = seededBytes('base', 30_000);
  const window = join(base.subarray(0, 10_000), base.subarray(20_000, 20_500), base.subarray(10_000, 20_000));
  const candidates = [cover(0, 0, 10_000), cover(10_000, 20_000, 500), cover(10_500, 10_000, 10_000)];
  const segments = parsed(t, window, candidates, { base });
  t.deepEqual(
    segments.map(({ kind, length, from }) => [kind, length, from]),
    [
      [COVER, 10_000, 0],
      [COVER, 500, 20_000],
      [COVER, 10_000, 10_000],
    ],
  );
});

test('noise is one literal', (t) => {
  const window = seededBytes('window', 20_000);
  t.deepEqual(parsed(t, window, []), [{ kind: LITERAL, length: window.length, from: 0 }]);
});

test('a run of zeros is a short literal and a copy of it, as long as the run', (t) => {
  const window = join(seededBytes('head', 100), new Uint8Array(5000), seededBytes('tail', 100));
  const segments = parsed(t, window, []);
  t.deepEqual(
    segments.map(({ kind }) => kind),
    [LITERAL, COPY, LITERAL],
  );
  t.true((segments[1]?.length ?? 0) >= 4980);
});

test('periods of any length become copies of the first one', (t) => {
  for (const period of [1, 2, 3, 4, 7, 8, 9, 24, 255, 1000]) {
    const first = seededBytes(`period ${period}`, period);
    const window = new Uint8Array(10 * period + 200).map((_, at) => first[at % period] as number);
    const segments = parsed(t, window, []);
    t.true(bytesOf(segments, COPY) >= window.length - period - 40, `period ${period}`);
  }
});

test('a repeat of 64 bytes is a copy, one of 16 is not', (t) => {
  const part = seededBytes('part', 64);
  const window = join(seededBytes('a', 500), part, seededBytes('b', 500), part, seededBytes('c', 500));
  const segments = parsed(t, window, []);
  t.deepEqual(
    segments.map(({ kind, length, from }) => [kind, length, from]),
    [
      [LITERAL, 1064, 0],
      [COPY, 64, 500],
      [LITERAL, 500, 0],
    ],
  );
  const short = part.subarray(0, 16);
  const less = join(seededBytes('a', 500), short, seededBytes('b', 500), short, seededBytes('c', 500));
  t.is(parsed(t, less, []).length, 1);
});

test('what is equal in the Base is not looked for in the window', (t) => {
  const part = seededBytes('part', 3000);
  const base = join(part, part);
  const segments = parsed(t, base, [cover(0, 0, base.length)], { base });
  t.deepEqual(segments, [{ kind: COVER, length: base.length, from: 0 }]);
});

test('a candidate of one byte at an edge of the window is moved out over what is equal', (t) => {
  const base = seededBytes('base', 3000);
  const window = join(base.subarray(1000, 1200), seededBytes('new', 500), base.subarray(2000, 2200));
  const candidates = [cover(0, 1000, 1), cover(window.length - 1, 2199, 1)];
  t.deepEqual(parsed(t, window, candidates, { base }), [
    { kind: COVER, length: 200, from: 1000 },
    { kind: LITERAL, length: 500, from: 0 },
    { kind: COVER, length: 200, from: 2000 },
  ]);
});

test('candidates are not moved out of the Base, nor out of the window', (t) => {
  const base = seededBytes('base', 400);
  const window = join(seededBytes('left', 50), base, seededBytes('right', 50));
  const segments = parsed(t, window, [cover(150, 100, 10)], { base });
  t.deepEqual(segments[1], { kind: COVER, length: 10 + 100 + 256, from: 0 });
  const inside = parsed(t, base.slice(100, 200), [cover(50, 150, 1)], { base });
  t.deepEqual(inside, [{ kind: COVER, length: 100, from: 100 }]);
});

test('copies from ahead of the window have no differences', (t) => {
  const earlier = seededBytes('earlier', 5000);
  const window = earlier.slice(1000, 4000);
  window[1500] = (window[1500] as number) ^ 1;
  const candidates = [{ at: 0, from: 1000, length: 3000, earlier: true }];
  t.deepEqual(parsed(t, window, candidates, { earlier }), [
    { kind: EARLIER, length: 1500, from: 1000 },
    { kind: LITERAL, length: 1, from: 0 },
    { kind: EARLIER, length: 1499, from: 2501 },
  ]);
});

test('the better of two candidates wins, byte by byte', (t) => {
  const base = join(seededBytes('first', 4000), seededBytes('second', 4000));
  const window = join(base.subarray(0, 2000), base.subarray(6000, 8000));
  const segments = parsed(t, window, [cover(0, 0, 4000), cover(0, 4000, 4000)], { base });
  t.deepEqual(
    segments.map(({ kind, from }) => [kind, from]),
    [
      [COVER, 0],
      [COVER, 6000],
    ],
  );
  t.true(Math.abs((segments[0]?.length ?? 0) - 2000) < 4);
});

test('more candidates at once than are followed at once are no trouble', (t) => {
  const base = programBytes(40_000);
  const window = base.slice(10_000, 20_000);
  const right = cover(0, 10_000, window.length);
  const others = Array.from({ length: 100 }, (_, i) => cover(0, i * 50, window.length));
  for (const candidates of [
    [right, ...others],
    others.map((other, i) => ({ ...other, at: i * 30, length: 3000 })),
  ]) {
    const segments = parsed(t, window, candidates, { base });
    t.deepEqual(parsed(t, window, candidates, { base }), segments);
  }
  t.is(bytesOf(parsed(t, window, [right, ...others], { base }), COVER), window.length);
});

test('the dearest of fifteen candidates makes room for one that begins later', (t) => {
  const base = seededBytes('base', 60_000);
  const window = join(base.subarray(0, 1000), base.subarray(50_000, 54_000));
  const right = cover(0, 0, window.length);
  // Of noise, and as long as the window, so that each would keep its place.
  const others = Array.from({ length: 14 }, (_, i) => cover(0, 10_000 + i * 100, window.length));
  const segments = parsed(t, window, [...others, right, cover(1000, 50_000, 4000)], { base });
  t.deepEqual(segments, [
    { kind: COVER, length: 1000, from: 0 },
    { kind: COVER, length: 4000, from: 50_000 },
  ]);
});

test('any candidates of any windows give segments that fit, the same each time', (t) => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  const data = fc.constantFrom('text', 'periodic', 'zeros', 'random', 'program' as const);
  const bytes = (
    kind: typeof data extends fc.Arbitrary<infer T> ? T : never,
    length: number,
    seed: number,
  ) => (kind === 'program' ? programBytes(length, seed) : sampleData(kind, length, seed));
  const candidate = fc.record({ at: share, from: share, length: share, earlier: fc.boolean() });
  const input = fc.record({
    data,
    length: fc.integer({ min: 1, max: 4000 }),
    sources: fc.integer({ min: 1, max: 6000 }),
    seed: fc.nat(20),
    candidates: fc.array(candidate, { maxLength: 60 }),
  });
  const other = new WindowParser();
  fc.assert(
    fc.property(input, ({ data: kind, length, sources, seed, candidates }) => {
      const [base, earlier] = [bytes(kind, sources, seed), bytes(kind, sources, seed + 1)];
      // Where the window resembles its sources, the choice is harder.
      const window = join(base, earlier, bytes(kind, length, seed + 2))
        .slice(sources >> 1)
        .slice(0, length);
      const list = candidates.map(({ at, from, length: part, earlier: fromTarget }): Candidate => {
        const start = Math.floor(at * (length - 1));
        const source = Math.floor(from * (sources - 1));
        const most = Math.min(length - start, sources - source);
        return { at: start, from: source, length: 1 + Math.floor(part * (most - 1)), earlier: fromTarget };
      });
      const segments = parsed(t, window, list, { base, earlier });
      t.deepEqual(parsed(t, window, list, { base, earlier }, other), segments);
    }),
    { seed: 1, numRuns: 150 },
  );
});

test('costs of a long window do not run over', (t) => {
  const window = seededBytes('long', 3 * 2 ** 20);
  t.is(parsed(t, window, []).length, 1);
});
