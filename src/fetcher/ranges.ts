/**
 * Which requests to make: neighbours become one request where bridging the gap between them costs less than
 * another request would. Pure.
 *
 * @module
 */
import { KiB, MiB } from '../core/sizes.ts';

/** A run of bytes of one object that is needed. */
export interface Span {
  /** Which object, by any number. */
  readonly object: number;
  readonly offset: number;
  readonly length: number;
}

/** One single-range request and the spans it brings, in order of offset. */
export interface RangeRequest<S extends Span> {
  readonly object: number;
  readonly offset: number;
  readonly length: number;
  readonly spans: readonly S[];
}

export interface RangeCosts {
  /**
   * Bytes that cost as much as one more request: round-trip time × bandwidth. Default 64 KiB: half a
   * round trip of 50 ms at 20 Mbit/s (LTE), two at 300 ms and 1 Mbit/s (bad 3G).
   */
  readonly requestBytes: number;
  /** Largest request; smaller ones leave more to run at once and less to ask again. Default 4 MiB. */
  readonly maxBytes: number;
}

export const defaultCosts: RangeCosts = { requestBytes: 64 * KiB, maxBytes: 4 * MiB };

/** How far ahead of its turn a span may be fetched to share a request, in bytes of other spans. */
const LOOKAHEAD_BYTES: number = 4 * MiB;

/**
 * Groups spans, given in the order they will be used, into requests in that same order.
 *
 * A request begins with the first span that no other has, and takes along later spans of the same object
 * that lie behind it, as long as each gap is at most `requestBytes` and the whole at most `maxBytes`.
 */
export function planRanges<S extends Span>(
  spans: readonly S[],
  costs: RangeCosts = defaultCosts,
): RangeRequest<S>[] {
  const taken = new Uint8Array(spans.length);
  const requests: RangeRequest<S>[] = [];
  for (let first = 0; first < spans.length; first++) {
    if (taken[first] === 1) continue;
    const group = [spans[first] as S];
    const { object, offset } = spans[first] as S;
    let end = offset + (spans[first] as S).length;
    let passed = 0;
    for (let i = first + 1; i < spans.length && passed <= LOOKAHEAD_BYTES; i++) {
      if (taken[i] === 1) continue;
      const span = spans[i] as S;
      const gap = span.offset - end;
      const fits = span.object === object && gap >= 0 && gap <= costs.requestBytes;
      if (fits && span.offset + span.length - offset <= costs.maxBytes) {
        group.push(span);
        taken[i] = 1;
        end = span.offset + span.length;
      } else {
        passed += span.length;
      }
    }
    requests.push({ object, offset, length: end - offset, spans: group });
  }
  return requests;
}

/** Bytes that a list of requests transfers. */
export function bytesOf(requests: readonly { readonly length: number }[]): number {
  return requests.reduce((sum, request) => sum + request.length, 0);
}
