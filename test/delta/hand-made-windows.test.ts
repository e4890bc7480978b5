/**
 * Windows of any segments through every layout of a payload, and back.
 */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { DIFFERENCES, encodePayload, LITERALS } from '../../src/delta/payload.ts';
import { WindowDecoder } from '../../src/delta/window-decoder.ts';
import { COPY, COVER, EARLIER, LITERAL, type Segment } from '../../src/kernel/window-coder.ts';
import { bytesReader } from '../support/bytes-reader.ts';
import {
  DIFFERENCE_LAYOUTS,
  type HandMadeWindow,
  LITERAL_LAYOUTS,
  payloadOf,
  windowStreams,
} from '../support/hand-made-window.ts';
import { programBytes } from '../support/program-bytes.ts';
import { sampleData } from '../support/sample-data.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { changed, handMadeWindows } from '../support/window-script.ts';

const decoder = new WindowDecoder();

function decoded(payload: Uint8Array, { base, earlier, window }: HandMadeWindow, by = decoder): Uint8Array {
  return by.decode(payload, window.length, bytesReader(base), bytesReader(earlier)).slice();
}

/** `t.deepEqual` describes a million bytes one by one. */
function requireWindow(t: ExecutionContext<unknown>, found: Uint8Array, { window }: HandMadeWindow): void {
  t.is(Buffer.compare(found, window), 0);
}

test('windows of any segments come back', (t) => {
  fc.assert(
    fc.property(handMadeWindows(40, 3000), (made) => {
      requireWindow(t, decoded(payloadOf(made), made), made);
    }),
    { seed: 1, numRuns: 160 },
  );
});

test('windows of few large segments come back', (t) => {
  fc.assert(
    fc.property(handMadeWindows(6, 150_000), (made) => {
      requireWindow(t, decoded(payloadOf(made), made), made);
    }),
    { seed: 2, numRuns: 8 },
  );
});

test('every layout of differences with every layout of literals gives the same window', (t) => {
  fc.assert(
    fc.property(handMadeWindows(12, 600), (made) => {
      const isEqual = made.segments.every(({ kind }) => kind !== COVER);
      for (const difference of DIFFERENCE_LAYOUTS) {
        if (difference === DIFFERENCES.none && !isEqual) continue;
        for (const literal of LITERAL_LAYOUTS) {
          requireWindow(t, decoded(payloadOf(made, difference, literal), made), made);
        }
      }
    }),
    { seed: 3, numRuns: 16 },
  );
});

const program = programBytes(300 * KiB);

/** A window that is one cover of `base` from `from` on. */
function oneCover(base: Uint8Array, from: number, window: Uint8Array): HandMadeWindow {
  const segments: Segment[] = [{ kind: COVER, length: window.length, from }];
  return { base, earlier: new Uint8Array(), window, segments };
}

test('covers without a difference need no stream of differences', (t) => {
  const made = oneCover(program, 1000, program.subarray(1000, 50_000));
  requireWindow(t, decoded(payloadOf(made, DIFFERENCES.none), made), made);
});

for (const change of ['nothing', 'now and then', 'fields', 'everything'] as const) {
  test(`covers at both ends of the Base come back when ${change} changed`, (t) => {
    for (const length of [1, 3, 4, 5, 16, 17, 63, 64, 65, 129, 4097]) {
      const base = program.subarray(0, Math.max(length, 20));
      for (const from of [0, base.length - length]) {
        const window = changed(base.subarray(from, from + length), change, length);
        const made = oneCover(base, from, window);
        for (const layout of DIFFERENCE_LAYOUTS.slice(1)) {
          requireWindow(t, decoded(payloadOf(made, layout), made), made);
        }
      }
    }
  });
}

test('sizes around powers of two come back, as literals and as covers', (t) => {
  for (let power = 0; power <= 17; power++) {
    for (const length of [2 ** power - 1, 2 ** power, 2 ** power + 1].filter((size) => size > 0)) {
      const window = changed(program.subarray(0, length), 'fields', power);
      const cover = oneCover(program, 0, window);
      requireWindow(t, decoded(payloadOf(cover), cover), cover);
      const literal: HandMadeWindow = { ...cover, segments: [{ kind: LITERAL, length, from: 0 }] };
      requireWindow(t, decoded(payloadOf(literal), literal), literal);
    }
  }
});

test('a window of more than a mebibyte comes back', (t) => {
  const base = programBytes(1 * MiB, 5);
  const tail = sampleData('text', 200 * KiB);
  const window = new Uint8Array(Buffer.concat([changed(base, 'fields', 3), tail, tail, tail]));
  const made: HandMadeWindow = {
    base,
    earlier: new Uint8Array(),
    window,
    segments: [
      { kind: COVER, length: base.length, from: 0 },
      { kind: LITERAL, length: tail.length, from: 0 },
      { kind: COPY, length: 2 * tail.length, from: base.length },
    ],
  };
  requireWindow(t, decoded(payloadOf(made), made), made);
});

test('copies from ahead of the window come back, up to its very beginning', (t) => {
  const earlier = seededBytes('earlier', 100_000);
  const segments: Segment[] = [
    { kind: EARLIER, length: 5000, from: 95_000 },
    { kind: EARLIER, length: 1, from: 0 },
    { kind: COPY, length: 9000, from: 5000 },
    { kind: EARLIER, length: 7, from: 99_993 },
  ];
  const parts = [
    earlier.subarray(95_000),
    earlier.subarray(0, 1),
    new Uint8Array(9000).fill(earlier[0] as number),
  ];
  const window = new Uint8Array(Buffer.concat([...parts, earlier.subarray(99_993)]));
  const made = { base: new Uint8Array(), earlier, window, segments };
  requireWindow(t, decoded(payloadOf(made), made), made);
});

test('a decoder forgets: after any other window it gives the same bytes as a new one', (t) => {
  const payloads = fc.sample(handMadeWindows(30, 1500), { seed: 4, numRuns: 20 }).map((made) => ({
    made,
    payload: payloadOf(made),
  }));
  const [first, second] = [new WindowDecoder(), new WindowDecoder()];
  for (const { made, payload } of payloads) requireWindow(t, decoded(payload, made, first), made);
  for (const { made, payload } of payloads.toReversed())
    requireWindow(t, decoded(payload, made, second), made);
  // Streams that mean nothing tell more: they lead the model anywhere.
  for (let i = 0; i < 30; i++) {
    const length = 2000 + 100 * i;
    const segments: Segment[] = [
      { kind: COVER, length, from: i },
      { kind: LITERAL, length, from: 0 },
    ];
    const window = program.subarray(0, 2 * length);
    const made = { base: program, earlier: new Uint8Array(), window, segments };
    const { covers, spared, control } = windowStreams(made);
    const noise = encodePayload({
      ...{ covers, spared, control, differenceLayout: DIFFERENCES.model, literalLayout: LITERALS.model },
      difference: seededBytes(`differences ${i}`, length),
      literal: seededBytes(`literals ${i}`, length),
    });
    const found = decoded(noise, made, first);
    t.not(Buffer.compare(found, window), 0);
    t.is(Buffer.compare(found, decoded(noise, made, second)), 0);
    const { payload, made: other } = payloads[i % 20] as (typeof payloads)[number];
    if (i % 2 === 0) requireWindow(t, decoded(payload, other, second), other);
  }
});
