/**
 * The part of the Plan that a delta has: which windows come by it, and which of its payloads that takes. Pure.
 *
 * A payload costs what it is long, which is exact. Chunks cost level 2 of the window and whole frames, which is
 * known only once level 2 is here; and the publisher has left out of the delta what chunks do better. So a window
 * is taken from the delta wherever it has it, and level 2 of such windows is not asked for.
 *
 * @module
 */
import type { DeltaHead } from '../format/delta-file.ts';
import { CODEC_STORED } from '../format/frame.ts';
import type { IndexHead } from '../format/index-head.ts';
import type { FrameSpan } from './frame-source.ts';
import type { WindowWay } from './plan.ts';
import type { RangeRequest } from './ranges.ts';

/** The number of the delta among the objects of an image: behind its packs. */
export function deltaObject(head: IndexHead): number {
  return head.packs.length;
}

/** `ways` with windows by the delta where chunks would have to be asked for. @param seed that is the Base */
export function withDelta(
  head: IndexHead,
  ways: readonly WindowWay[],
  delta: DeltaHead,
  seed: number,
): WindowWay[] {
  return ways.map((way, window): WindowWay => {
    const source = delta.windows[window]?.source;
    if (way.way !== 'rebuild' || source === undefined) return way;
    if (source.kind === 'copy') return { way: 'copy', seed, offset: source.from, byDelta: true };
    // No transform is known to this version.
    if (source.kind !== 'coded' || source.transform !== 0) return way;
    const { offset, length, tag } = source.payload;
    const pack = deltaObject(head);
    const payload = { pack, offset, stored: length, plain: length, codec: CODEC_STORED, tag };
    return { way: 'delta', payload };
  });
}

/** What is left of `ways` from the window `from` on, with chunks for whatever was to come by the delta. */
export function withoutDelta(ways: readonly WindowWay[], from: number): WindowWay[] {
  return ways.map((way, window): WindowWay => {
    if (window < from) return { way: 'keep' };
    return isByDelta(way) ? { way: 'rebuild' } : way;
  });
}

/** True for a window that comes by the delta, with a payload or without. */
export function isByDelta(way: WindowWay): boolean {
  return way.way === 'delta' || (way.way === 'copy' && way.byDelta === true);
}

/** The payloads that the windows need, in order. */
export function payloadSpans(ways: readonly WindowWay[]): FrameSpan[] {
  return ways.flatMap((way, window): FrameSpan[] => {
    if (way.way !== 'delta') return [];
    const { pack: object, offset, stored: length } = way.payload;
    return [{ object, offset, length, frame: way.payload, lastWindow: window }];
  });
}

/**
 * Divides the request for a delta in which the first `limit` bytes of payloads end, so that a Base that turns
 * out not to be one costs no more than about these.
 */
export function splitForTrial(
  requests: readonly RangeRequest<FrameSpan>[],
  object: number,
  limit: number,
): RangeRequest<FrameSpan>[] {
  let bytes = 0;
  return requests.flatMap((request) => {
    if (request.object !== object || bytes >= limit) return [request];
    const { spans } = request;
    for (const [i, { length }] of spans.entries()) {
      bytes += length;
      if (bytes < limit || i === spans.length - 1) continue;
      return [requestOf(spans.slice(0, i + 1)), requestOf(spans.slice(i + 1))];
    }
    return [request];
  });
}

function requestOf(spans: readonly FrameSpan[]): RangeRequest<FrameSpan> {
  const { object, offset } = spans[0] as FrameSpan;
  const last = spans.at(-1) as FrameSpan;
  return { object, offset, length: last.offset + last.length - offset, spans };
}
