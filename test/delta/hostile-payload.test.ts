/**
 * Payloads that nobody's encoder made: each gives FORMAT_INVALID or some bytes of the right length, soon.
 */
import { brotliCompressSync, zstdCompressSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { isSiltError } from '../../src/core/errors.ts';
import { MiB } from '../../src/core/sizes.ts';
import {
  DIFFERENCES,
  encodePayload,
  LITERALS,
  MAX_COVERS,
  MAX_DELTA_WINDOW,
  type Payload,
} from '../../src/delta/payload.ts';
import { WindowDecoder } from '../../src/delta/window-decoder.ts';
import { COPY, COVER, EARLIER, LITERAL } from '../../src/kernel/window-coder.ts';
import { bytesReader } from '../support/bytes-reader.ts';
import {
  DIFFERENCE_LAYOUTS,
  type HandMadeWindow,
  LITERAL_LAYOUTS,
  payloadOf,
  windowStreams,
} from '../support/hand-made-window.ts';
import { programBytes } from '../support/program-bytes.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { throwsSilt } from '../support/throws-silt.ts';
import { changed } from '../support/window-script.ts';

const decoder = new WindowDecoder();
const base = programBytes(3000);
const earlier = seededBytes('earlier', 1000);
const literals = programBytes(300, 2);

/** A window with a bit of everything. */
const sample: HandMadeWindow = {
  base,
  earlier,
  window: new Uint8Array(
    Buffer.concat([
      changed(base.subarray(100, 600), 'now and then', 1),
      literals,
      new Uint8Array(50).fill(literals.at(-1) as number),
      earlier.subarray(700, 800),
      changed(base.subarray(2500), 'fields', 2),
    ]),
  ),
  segments: [
    { kind: COVER, length: 500, from: 100 },
    { kind: LITERAL, length: 300, from: 0 },
    { kind: COPY, length: 50, from: 799 },
    { kind: EARLIER, length: 100, from: 700 },
    { kind: COVER, length: 500, from: 2500 },
  ],
};

/** What came of a payload: the window, other bytes of its length, or a refusal; nothing else may come of it. */
function outcome(t: ExecutionContext<unknown>, payload: Uint8Array, length = sample.window.length): string {
  try {
    const found = decoder.decode(payload, length, bytesReader(base), bytesReader(earlier));
    if (found.length !== length) t.fail(`${found.length} bytes in place of ${length}`);
    return Buffer.compare(found, sample.window) === 0 ? 'the window' : 'other bytes';
  } catch (error) {
    if (!isSiltError(error, 'FORMAT_INVALID')) throw error;
    return 'refused';
  }
}

/** The sample's payload with other members; the entropy model for both streams. */
function payloadWith(members: Partial<Payload>): Uint8Array {
  const { covers, spared, control, difference, literal } = windowStreams(sample);
  return encodePayload({
    ...{ covers, spared, control, differenceLayout: DIFFERENCES.model, literalLayout: LITERALS.model },
    difference: difference(DIFFERENCES.model),
    literal: literal(LITERALS.model),
    ...members,
  });
}

test('the sample comes back from every layout', (t) => {
  for (const difference of DIFFERENCE_LAYOUTS.slice(1)) {
    for (const literal of LITERAL_LAYOUTS) {
      t.is(outcome(t, payloadOf(sample, difference, literal)), 'the window');
    }
  }
});

test('payloads that end early anywhere', (t) => {
  for (const [difference, literal] of [
    [DIFFERENCES.model, LITERALS.model],
    [DIFFERENCES.sparseZstd, LITERALS.stored],
    [DIFFERENCES.sparseBrotli, LITERALS.zstd],
    [DIFFERENCES.denseZstd, LITERALS.brotli],
    [DIFFERENCES.denseBrotli, LITERALS.brotli],
  ] as const) {
    const payload = payloadOf(sample, difference, literal);
    const outcomes = Array.from(payload.keys(), (length) => outcome(t, payload.subarray(0, length)));
    t.true(outcomes.includes('refused'));
    t.is(outcomes[0], 'refused');
  }
});

test('payloads with a byte changed anywhere, and the decoder goes on right', (t) => {
  for (const [difference, literal] of [
    [DIFFERENCES.model, LITERALS.model],
    [DIFFERENCES.sparseZstd, LITERALS.brotli],
    [DIFFERENCES.denseBrotli, LITERALS.zstd],
  ] as const) {
    const payload = payloadOf(sample, difference, literal);
    const seen = new Set<string>();
    for (const at of payload.keys()) {
      const altered = payload.slice();
      altered[at] = (altered[at] as number) ^ (at % 2 === 0 ? 1 : 0xff);
      seen.add(outcome(t, altered));
    }
    t.true(seen.has('refused') && seen.has('other bytes'));
    t.is(outcome(t, payload), 'the window');
  }
});

test('streams of any bytes under right heads', (t) => {
  const stream = (most: number): fc.Arbitrary<Uint8Array> =>
    fc.oneof(
      fc.uint8Array({ maxLength: most }),
      fc.constant(new Uint8Array()),
      fc.nat(255).map((byte) => new Uint8Array(most).fill(byte)),
    );
  const payload = fc.record({
    covers: fc.oneof(fc.nat(5), fc.nat(400)),
    differenceLayout: fc.constantFrom(...DIFFERENCE_LAYOUTS),
    literalLayout: fc.constantFrom(...LITERAL_LAYOUTS),
    spared: fc.constantFrom(undefined, 0, 200, 2 ** 40),
    control: stream(200),
    difference: stream(300),
    literal: stream(300),
  });
  const { covers, spared, control } = windowStreams(sample);
  // With the right list of segments, what is wrong is found later.
  const list = fc.constantFrom(
    {},
    { covers, spared, control },
    { covers, spared, control, differenceLayout: DIFFERENCES.model, literalLayout: LITERALS.model },
  );
  const length = fc.oneof(fc.constant(sample.window.length), fc.integer({ min: 1, max: 3000 }));
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(payload, list, length, (members, right, bytes) => {
      const what = outcome(t, encodePayload({ ...members, ...right }), bytes);
      seen.set(what, (seen.get(what) ?? 0) + 1);
    }),
    { seed: 1, numRuns: 600 },
  );
  t.true((seen.get('refused') ?? 0) > 20 && (seen.get('other bytes') ?? 0) > 20, JSON.stringify([...seen]));
});

test('payloads of any bytes', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.integer({ min: 1, max: 5000 }), (bytes, length) => {
      outcome(t, bytes, length);
    }),
    { seed: 2, numRuns: 500 },
  );
  t.pass();
});

test('windows of no size that there can be', (t) => {
  for (const length of [0, -1, MAX_DELTA_WINDOW + 1, 2 ** 40, Number.NaN, Number.POSITIVE_INFINITY]) {
    t.is(outcome(t, payloadOf(sample), length), 'refused', `${length}`);
  }
});

test('a window of another length than the payload was made for', (t) => {
  for (const length of [1, 499, 500, 1449, 1451, 5000])
    t.not(outcome(t, payloadOf(sample), length), 'the window');
});

test('more covers than there may be', (t) => {
  const { covers } = windowStreams(sample);
  t.is(outcome(t, payloadWith({ covers: sample.window.length + 1 })), 'refused');
  t.is(outcome(t, payloadWith({ covers: MAX_COVERS + 1 }), MAX_DELTA_WINDOW), 'refused');
  t.is(outcome(t, payloadWith({ covers: MAX_COVERS }), MAX_DELTA_WINDOW), 'refused');
  t.is(outcome(t, payloadWith({ covers: covers + 1 })), 'refused');
});

test('less of the image ahead than the payload looks at', (t) => {
  const { spared } = windowStreams(sample);
  t.is(spared, 200);
  t.is(outcome(t, payloadWith({ spared: 199 })), 'the window');
  t.is(outcome(t, payloadWith({ spared: 0 })), 'the window');
  for (const lie of [201, 999, 1000, 2 ** 50, undefined]) {
    t.is(outcome(t, payloadWith({ spared: lie })), 'refused', `${lie}`);
  }
});

test('a Base, or an image ahead, that is shorter than the payload was made for', async (t) => {
  const payload = payloadOf(sample);
  const { length } = sample.window;
  const shorter = async () =>
    decoder.decode(payload, length, bytesReader(base.subarray(0, 2999)), bytesReader(earlier));
  await throwsSilt(t, shorter, 'FORMAT_INVALID');
  const none = bytesReader(new Uint8Array());
  await throwsSilt(
    t,
    async () => decoder.decode(payload, length, none, bytesReader(earlier)),
    'FORMAT_INVALID',
  );
  await throwsSilt(t, async () => decoder.decode(payload, length, bytesReader(base), none), 'FORMAT_INVALID');
});

test('a Base with other bytes gives other bytes', (t) => {
  const other = base.map((byte, at) => (at === 300 ? byte ^ 1 : byte));
  const found = decoder.decode(
    payloadOf(sample),
    sample.window.length,
    bytesReader(other),
    bytesReader(earlier),
  );
  t.is(found.length, sample.window.length);
  t.not(Buffer.compare(found, sample.window), 0);
});

test('streams that decompress to far more than the window', (t) => {
  const zeros = new Uint8Array(32 * MiB);
  const zstd = zstdCompressSync(zeros);
  const brotli = brotliCompressSync(zeros);
  t.true(zstd.length + brotli.length < 10_000);
  for (const differenceLayout of DIFFERENCE_LAYOUTS.slice(2)) {
    const isZstd = differenceLayout === DIFFERENCES.sparseZstd || differenceLayout === DIFFERENCES.denseZstd;
    t.is(outcome(t, payloadWith({ differenceLayout, difference: isZstd ? zstd : brotli })), 'refused');
  }
  t.is(outcome(t, payloadWith({ literalLayout: LITERALS.zstd, literal: zstd })), 'refused');
  t.is(outcome(t, payloadWith({ literalLayout: LITERALS.brotli, literal: brotli })), 'refused');
});

test('streams of a few bytes more or fewer than the window', (t) => {
  for (const length of [0, 299, 301]) {
    const plain = new Uint8Array(length);
    t.is(outcome(t, payloadWith({ literalLayout: LITERALS.stored, literal: plain })), 'refused');
    for (const [literalLayout, compressed] of [
      [LITERALS.zstd, zstdCompressSync(plain)],
      [LITERALS.brotli, brotliCompressSync(plain)],
    ] as const) {
      t.is(outcome(t, payloadWith({ literalLayout, literal: compressed })), 'refused', `${length}`);
    }
  }
  for (const length of [0, 999, 1001]) {
    const difference = zstdCompressSync(new Uint8Array(length));
    const what = outcome(t, payloadWith({ differenceLayout: DIFFERENCES.denseZstd, difference }));
    t.is(what, 'refused', `${length}`);
  }
  t.is(
    outcome(t, payloadWith({ differenceLayout: DIFFERENCES.none, difference: Uint8Array.of(0) })),
    'refused',
  );
});
