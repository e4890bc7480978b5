import test from 'ava';
import fc from 'fast-check';
import type { WindowWay } from '../../src/fetcher/plan.ts';
import {
  deltaObject,
  isByDelta,
  payloadSpans,
  splitForTrial,
  withDelta,
  withoutDelta,
} from '../../src/fetcher/plan-delta.ts';
import { bytesOf, planRanges } from '../../src/fetcher/ranges.ts';
import type { DeltaHead, DeltaWindowSource } from '../../src/format/delta-file.ts';
import { worldOf } from '../support/chunk-world.ts';

const tag = new Uint8Array(16);
const ways = fc.constantFrom<WindowWay>(
  { way: 'keep' },
  { way: 'zero' },
  { way: 'copy', seed: 0, offset: 7 },
  { way: 'rebuild' },
);
const kinds = fc.constantFrom('none', 'zero', 'copy', 'coded', 'transformed');
const plans = fc.array(fc.record({ way: ways, kind: kinds, length: fc.integer({ min: 1, max: 90 }) }), {
  maxLength: 40,
});

function deltaOf(windows: readonly { kind: string; length: number }[]): DeltaHead {
  let at = 50;
  const image = { size: 1, digest: new Uint8Array(32) };
  return {
    base: image,
    target: image,
    transforms: ['of-tomorrow-1'],
    windows: windows.map(({ kind, length }, i) => {
      const payload = { offset: at, length, tag };
      if (kind === 'coded' || kind === 'transformed') at += length;
      const source: DeltaWindowSource =
        kind === 'coded' || kind === 'transformed'
          ? { kind: 'coded', transform: kind === 'coded' ? 0 : 1, payload }
          : kind === 'copy'
            ? { kind, from: i * 10 }
            : { kind: kind as 'none' | 'zero' };
      return { offset: i, length: 1, check: undefined, source };
    }),
  };
}

test('a window comes by the delta where it would be rebuilt and the delta has it, and goes back to chunks', (t) => {
  const { head } = worldOf([[1]]);
  const property = fc.property(plans, fc.nat(40), (plan, from) => {
    const before = plan.map(({ way }) => way);
    const after = withDelta(head, before, deltaOf(plan), 3);
    for (const [i, { way, kind }] of plan.entries()) {
      const chosen = after[i] as WindowWay;
      if (way.way !== 'rebuild') t.is(chosen, way);
      else if (kind === 'copy') t.deepEqual(chosen, { way: 'copy', seed: 3, offset: i * 10, byDelta: true });
      else t.is(chosen.way, kind === 'coded' ? 'delta' : 'rebuild');
    }
    const back = withoutDelta(after, from);
    t.true(back.slice(0, from).every(({ way }) => way === 'keep'));
    t.deepEqual(back.slice(from), before.slice(from));
    t.false(back.slice(from).some(isByDelta));
    const spans = payloadSpans(after);
    t.deepEqual(
      spans.map(({ lastWindow }) => lastWindow),
      after.flatMap(({ way }, i) => (way === 'delta' ? [i] : [])),
    );
    t.true(spans.every(({ object }) => object === deltaObject(head)));
  });
  fc.assert(property, { seed: 13, numRuns: 200 });
});

test('on trial the first requests end with the payload that reaches the limit, and nothing is asked for twice', (t) => {
  const { head } = worldOf([[1]]);
  const object = deltaObject(head);
  const property = fc.property(plans, fc.nat(1000), fc.nat(500), (plan, limit, maxBytes) => {
    const coded = plan.map((each) => ({ ...each, kind: 'coded' }));
    const after = withDelta(
      head,
      coded.map(() => ({ way: 'rebuild' }) as const),
      deltaOf(coded),
      0,
    );
    const requests = planRanges(payloadSpans(after), { requestBytes: 0, maxBytes });
    const split = splitForTrial(requests, object, limit);
    t.is(bytesOf(split), bytesOf(requests));
    const spans = split.flatMap((request) => request.spans);
    t.deepEqual(spans, payloadSpans(after));
    let bytes = 0;
    const reaching = spans.findIndex(({ length }) => {
      bytes += length;
      return bytes >= limit;
    });
    if (limit > 0 && reaching >= 0) t.true(split.some((request) => request.spans.at(-1) === spans[reaching]));
    t.true(split.length <= requests.length + 1);
    t.deepEqual(splitForTrial(requests, 99, limit), requests);
  });
  fc.assert(property, { seed: 14, numRuns: 200 });
});
