/**
 * Carries out one range request, however often the connection breaks: each span is handed over once all
 * of it has arrived, and after a failure only what is still missing is asked for.
 *
 * @module
 */
import { backoffDelay } from '../core/backoff.ts';
import { isSiltError, SiltError } from '../core/errors.ts';
import { type RetryOptions, retryAfterOf } from '../core/retry.ts';
import { KiB } from '../core/sizes.ts';
import { sleep as realSleep } from '../core/sleep.ts';
import type { CallOptions, ReadStore } from '../store/store.ts';
import type { RangeRequest, Span } from './ranges.ts';

/** Progress after which old failures are forgiven: a line that breaks now and then is still a line. */
export const FORGIVEN_BYTES: number = 64 * KiB;

/**
 * Takes a span; `false`, or the error SEAL_BROKEN, says that its bytes are not what they must be, so that it is
 * fetched again. The bytes are the taker's to keep.
 */
export type TakeSpan<S> = (span: S, bytes: Uint8Array) => boolean;

/**
 * Reads the spans of `request` from the object `key`.
 *
 * Transient failures, wrong ranges and altered bytes are tried again with jittered back-off: a cache on the
 * way may have been wrong, so after wrong bytes it is passed by. `attempts` counts failures without progress in between; bytes that arrive once
 * more are no progress, so the calls are bounded by the length of the request.
 *
 * @param allocate gives the buffer for a span, so that one who reads many can use buffers again
 * @throws SiltError the last failure; OVER_BUDGET, OBJECT_MISSING and the like at once
 */
export async function readSpans<S extends Span>(
  store: ReadStore,
  key: string,
  request: RangeRequest<S>,
  take: TakeSpan<S>,
  options: RetryOptions = {},
  allocate: (length: number) => Uint8Array = (length) => new Uint8Array(length),
): Promise<void> {
  const {
    attempts = 6,
    baseMs = 500,
    capMs = 20_000,
    random = Math.random,
    sleep = realSleep,
    signal,
  } = options;
  const state: ReadState = { next: 0, partial: undefined, filled: 0, reached: request.offset };
  let forgivenAt = request.offset;
  let doubt: number | undefined;
  let failed: Pick<ReadState, 'next' | 'reached'> | undefined;
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    const fresh = doubt === state.next;
    try {
      await readOnce(store, key, request, take, state, allocate, {
        ...(fresh && { fresh }),
        ...(signal && { signal }),
      });
      return;
    } catch (error) {
      // What comes behind the last span is nobody's loss.
      if (state.next === request.spans.length) return;
      if (!mayPass(error) || signal?.aborted === true) throw error;
      if (state.reached - forgivenAt >= FORGIVEN_BYTES) {
        attempt = 1;
        forgivenAt = state.reached;
      }
      if (attempt >= attempts) throw error;
      // A cache that gave wrong bytes gives them again; one that holds half an object breaks off again and again.
      const isStuck = state.next === failed?.next && state.reached - failed.reached < FORGIVEN_BYTES;
      if (isAboutBytes(error) || (isStuck && !isAnswered(error))) doubt = state.next;
      failed = { next: state.next, reached: state.reached };
      const delayMs = backoffDelay(attempt, { baseMs, capMs, random, retryAfterMs: retryAfterOf(error) });
      options.onRetry?.({ attempt, delayMs, error });
      await sleep(delayMs, signal);
    }
  }
}

interface ReadState {
  /** Spans before this one have been taken. */
  next: number;
  /** What has arrived of the next one. */
  partial: Uint8Array | undefined;
  filled: number;
  /** The furthest byte that has ever arrived. */
  reached: number;
}

async function readOnce<S extends Span>(
  store: ReadStore,
  key: string,
  request: RangeRequest<S>,
  take: TakeSpan<S>,
  state: ReadState,
  allocate: (length: number) => Uint8Array,
  options: CallOptions,
): Promise<void> {
  const first = request.spans[state.next];
  if (first === undefined) return;
  const resumed = state.filled > 0;
  let at = first.offset + state.filled;
  const range = { offset: at, length: request.offset + request.length - at };
  for await (const block of store.getRange(key, range, options)) {
    state.reached = Math.max(state.reached, at + block.length);
    let rest = block;
    while (rest.length > 0) {
      const span = request.spans[state.next];
      if (span === undefined) return;
      if (at < span.offset) {
        // The gap that was bridged to save a request.
        const skip = Math.min(rest.length, span.offset - at);
        rest = rest.subarray(skip);
        at += skip;
        continue;
      }
      state.partial ??= allocate(span.length);
      const part = rest.subarray(0, span.length - state.filled);
      state.partial.set(part, state.filled);
      state.filled += part.length;
      at += part.length;
      rest = rest.subarray(part.length);
      if (state.filled === span.length) {
        const bytes = state.partial;
        state.partial = undefined;
        state.filled = 0;
        if (!take(span, bytes)) throw altered(key, span, resumed);
        state.next += 1;
      }
    }
  }
  if (state.next < request.spans.length) {
    throw new SiltError('NETWORK', `${key}: the body ended early`, { details: { key }, transient: true });
  }
}

function mayPass(error: unknown): boolean {
  return (isSiltError(error) && error.transient) || isAboutBytes(error);
}

/** What came is not what was asked for. */
function isAboutBytes(error: unknown): boolean {
  return isSiltError(error) && ['RANGE_INVALID', 'DIGEST_MISMATCH', 'SEAL_BROKEN'].includes(error.code);
}

/** A server that says it is overloaded is not made to work for more. */
function isAnswered(error: unknown): boolean {
  return isSiltError(error) && error.details.status !== undefined;
}

function altered(key: string, span: Span, resumed: boolean): SiltError {
  return new SiltError(
    'DIGEST_MISMATCH',
    `${key}: the bytes from ${span.offset} on, ${span.length} of them, do not have their digest; ` +
      'the object or a cache on the way to it is damaged',
    { details: { key, offset: span.offset, length: span.length, resumed } },
  );
}
