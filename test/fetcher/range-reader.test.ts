import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { SiltError } from '../../src/core/errors.ts';
import { KiB } from '../../src/core/sizes.ts';
import { FORGIVEN_BYTES, readSpans } from '../../src/fetcher/range-reader.ts';
import { planRanges, type Span } from '../../src/fetcher/ranges.ts';
import { type ScriptedStore, scriptedStore, type Trouble } from '../support/scripted-store.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const object = seededBytes('range reader', 600 * KiB);
const broken = (details = {}): SiltError => new SiltError('NETWORK', 'broken', { transient: true, details });
const spansOf = (...list: (readonly [number, number])[]): Span[] =>
  list.map(([offset, length]) => ({ object: 0, offset, length }));

interface Run {
  readonly store: ScriptedStore;
  /** Offsets of the spans as they were taken; altered ones are not. */
  readonly taken: number[];
  readonly waits: number[];
  readonly done: Promise<void>;
}

/** Reads `spans` by one request from a store in trouble; takes only what is right. */
function read(
  t: ExecutionContext,
  spans: readonly Span[],
  troubles: Iterator<Trouble | undefined>,
  options = {},
): Run {
  const store = scriptedStore(object, troubles);
  const [request] = planRanges(spans, { requestBytes: 2 ** 30, maxBytes: 2 ** 30 });
  if (request === undefined) throw new Error('no spans');
  const taken: number[] = [];
  const waits: number[] = [];
  const take = ({ offset, length }: Span, bytes: Uint8Array): boolean => {
    t.is(bytes.length, length);
    if (Buffer.compare(bytes, object.subarray(offset, offset + length)) !== 0) return false;
    taken.push(offset);
    return true;
  };
  const retry = { sleep: async (ms: number) => void waits.push(ms), random: () => 0, ...options };
  return { store, taken, waits, done: readSpans(store, 'packs/x', request, take, retry) };
}

test('spans are taken in order, and gaps between them are passed over', async (t) => {
  const { done, taken, store } = read(
    t,
    spansOf([10, 500], [2000, 1], [2001, 3000], [9000, 10]),
    [].values(),
  );
  await done;
  t.deepEqual(taken, [10, 2000, 2001, 9000]);
  t.deepEqual(store.asked, [{ offset: 10, length: 9000 }]);
});

test('after a break it goes on with the very byte that is missing', async (t) => {
  const troubles = [
    { after: 1234, what: broken() },
    { after: 0, what: 'end' as const },
    { after: 4000, what: broken() },
  ];
  const { done, taken, store } = read(t, spansOf([100, 3000], [3500, 5000]), troubles.values());
  await done;
  t.deepEqual(taken, [100, 3500]);
  t.deepEqual(store.asked, [
    { offset: 100, length: 8400 },
    { offset: 1334, length: 7166 },
    { offset: 1334, length: 7166 },
    { offset: 5334, length: 3166 },
  ]);
});

test('a break in a gap does not fetch the gap again', async (t) => {
  const { done, store } = read(t, spansOf([0, 100], [5000, 100]), [{ after: 3000, what: broken() }].values());
  await done;
  t.deepEqual(store.asked[1], { offset: 5000, length: 100 });
});

test('an altered span is fetched again, and those before it are not', async (t) => {
  const { done, taken, store } = read(
    t,
    spansOf([0, 1000], [1000, 1000], [2000, 1000]),
    [{ after: 1500, what: 'flip' as const }].values(),
  );
  await done;
  t.deepEqual(taken, [0, 1000, 2000]);
  t.deepEqual(store.asked[1], { offset: 1000, length: 2000 });
});

test('any mixture of troubles that ends leaves every span right and taken once', async (t) => {
  const anySpans = fc
    .array(fc.tuple(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 1, max: 30_000 })), {
      minLength: 1,
      maxLength: 12,
    })
    .map((list) => {
      let end = 0;
      return list.map(([gap, length]): Span => {
        const offset = end + gap;
        end = offset + length;
        return { object: 0, offset, length };
      });
    });
  const trouble = fc.record({
    after: fc.integer({ min: 0, max: 40_000 }),
    what: fc.constantFrom<Trouble['what']>(broken(), 'end', 'flip'),
  });
  await fc.assert(
    fc.asyncProperty(anySpans, fc.array(trouble, { maxLength: 5 }), async (spans, troubles) => {
      const { done, taken } = read(t, spans, troubles.values());
      await done;
      t.deepEqual(
        taken,
        spans.map(({ offset }) => offset),
      );
    }),
    { seed: 5, numRuns: 150 },
  );
});

function* forever(trouble: Trouble): Generator<Trouble> {
  for (;;) yield trouble;
}

test('tries are bounded, with a wait before each that doubles', async (t) => {
  const { done, store, waits } = read(t, spansOf([0, 1000]), forever({ after: 10, what: broken() }), {
    attempts: 6,
  });
  await throwsSilt(t, () => done, 'NETWORK');
  t.is(store.asked.length, 6);
  t.deepEqual(waits, [250, 500, 1000, 2000, 4000]);
});

test('progress forgives: a line that always breaks, but later, gets there', async (t) => {
  const { done, taken, store } = read(
    t,
    spansOf([0, 600 * KiB]),
    forever({ after: FORGIVEN_BYTES, what: broken() }),
    { attempts: 2 },
  );
  await done;
  t.deepEqual(taken, [0]);
  t.is(store.asked.length, Math.ceil((600 * KiB) / FORGIVEN_BYTES));
});

test('the same bytes once more are no progress, however many: an object that stays altered is given up', async (t) => {
  const { done, store } = read(t, spansOf([0, 300 * KiB]), forever({ after: 200 * KiB, what: 'flip' }), {
    attempts: 4,
  });
  const error = await throwsSilt(t, () => done, 'DIGEST_MISMATCH');
  t.like(error.details, { key: 'packs/x', offset: 0, length: 300 * KiB });
  t.true(store.asked.length <= 5, `${store.asked.length}`);
});

test('what is forgiven is bounded by the length of the request', async (t) => {
  // Breaks late and is altered, by turns: each alone would be forgiven or given up.
  function* turns(): Generator<Trouble> {
    for (;;) {
      yield { after: 100 * KiB, what: broken() };
      yield { after: 0, what: 'flip' };
    }
  }
  const { done, store } = read(t, spansOf([0, 300 * KiB]), turns(), { attempts: 3 });
  await throwsSilt(t, () => done, 'DIGEST_MISMATCH').catch(() => throwsSilt(t, () => done, 'NETWORK'));
  t.true(store.asked.length <= 3 * (1 + (300 * KiB) / FORGIVEN_BYTES), `${store.asked.length}`);
});

test('what Retry-After asks for is waited for', async (t) => {
  const busy = { after: 0, what: broken({ retryAfterMs: 30_000 }) };
  const { done, waits } = read(t, spansOf([0, 100]), [busy, busy].values());
  await done;
  t.deepEqual(waits, [30_000, 30_000]);
});

test('what will not pass is not tried again; what may is', async (t) => {
  for (const code of ['OBJECT_MISSING', 'OVER_BUDGET', 'STORE_REFUSED', 'TRUST_FAILED'] as const) {
    const { done, store } = read(
      t,
      spansOf([0, 100]),
      forever({ after: 0, what: new SiltError(code, 'no') }),
    );
    await throwsSilt(t, () => done, code);
    t.is(store.asked.length, 1);
  }
  const wrong = { after: 0, what: new SiltError('RANGE_INVALID', 'another range') };
  const { done, store } = read(t, spansOf([0, 100]), [wrong].values());
  await done;
  t.is(store.asked.length, 2);
});

test('what goes wrong behind the last span does not matter', async (t) => {
  const { done, store, waits } = read(
    t,
    spansOf([0, 100]),
    [{ after: 100, what: new SiltError('RANGE_INVALID', 'longer') }].values(),
  );
  await done;
  t.is(store.asked.length, 1);
  t.deepEqual(waits, []);
});

test('an abort ends the wait, and no request follows', async (t) => {
  const stop = new AbortController();
  const reason = new Error('stop');
  const sleep = async (): Promise<void> => stop.abort(reason);
  const { done, store } = read(t, spansOf([0, 100]), forever({ after: 0, what: broken() }), {
    signal: stop.signal,
    sleep,
  });
  t.is(await t.throwsAsync(done), reason);
  t.is(store.asked.length, 1);
});

test('buffers come from whoever wants to use them again, one a span and one more when it is altered', async (t) => {
  const store = scriptedStore(object, [{ after: 0, what: 'flip' as const }].values());
  const span: Span = { object: 0, offset: 0, length: 500 };
  const request = { ...span, spans: [span] };
  const lengths: number[] = [];
  const allocate = (length: number): Uint8Array => {
    lengths.push(length);
    return new Uint8Array(length);
  };
  const take = (_: Span, bytes: Uint8Array): boolean => bytes[0] === object[0];
  await readSpans(store, 'packs/x', request, take, { sleep: async () => {} }, allocate);
  t.deepEqual(lengths, [500, 500]);
});

test('after wrong bytes caches are passed by, until a span is right', async (t) => {
  const troubles = [
    { after: 0, what: 'flip' as const },
    { after: 100_500, what: broken() },
  ];
  const { done, store } = read(t, spansOf([0, 100_000], [100_000, 1000]), troubles.values());
  await done;
  t.deepEqual(store.fresh, [false, true, false]);
});

test('after two breaks with little between them caches are passed by: one may hold half an object', async (t) => {
  const troubles = [
    { after: 5000, what: broken() },
    { after: 10, what: broken() },
    { after: 10, what: broken() },
  ];
  const { done, store } = read(t, spansOf([0, 100_000]), troubles.values());
  await done;
  t.deepEqual(store.fresh, [false, false, true, true]);
});

test('a server that says it is overloaded is not asked past its caches', async (t) => {
  const busy = { after: 0, what: broken({ status: 503 }) };
  const { done, store } = read(t, spansOf([0, 1000]), [busy, busy, busy].values());
  await done;
  t.deepEqual(store.fresh, [false, false, false, false]);
});
