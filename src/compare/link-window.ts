/**
 * How much one connection may have under way: the congestion window of a plain TCP sender (slow start, a segment
 * more each round trip after the first loss, half after each loss), in bytes.
 *
 * @module
 */

/** Payload of a packet on an Ethernet line. */
export const SEGMENT_BYTES = 1460;

/** RFC 6928. */
const INITIAL_BYTES = 10 * SEGMENT_BYTES;
const LEAST_BYTES = 2 * SEGMENT_BYTES;

/** After so long without anything under way the window is as at the beginning. */
const IDLE_MS = 1000;

export interface CongestionWindow {
  /** True when a segment may be sent at `now`. */
  mayStart(now: number): boolean;
  onSent(bytes: number, now: number): void;
  /** `bytes` of those under way have arrived, as the sender hears at `now`. */
  onAcknowledged(bytes: number, now: number): void;
  /** `bytes` sent at `sentAt` were lost, as the sender hears at `now`. Losses of one round trip count as one. */
  onLost(bytes: number, sentAt: number, now: number): void;
  /** What it is now. */
  readonly bytes: number;
}

/**
 * A window as at the beginning of a connection.
 *
 * @param most what it may grow to
 */
export function createWindow(most: number): CongestionWindow {
  let size = INITIAL_BYTES;
  let threshold = Number.POSITIVE_INFINITY;
  let underWay = 0;
  let halvedAt = Number.NEGATIVE_INFINITY;
  let lastEvent = Number.NEGATIVE_INFINITY;
  return {
    mayStart(now) {
      if (underWay === 0 && now - lastEvent > IDLE_MS) size = Math.min(size, INITIAL_BYTES);
      return underWay < size;
    },
    onSent(bytes, now) {
      underWay += bytes;
      lastEvent = now;
    },
    onAcknowledged(bytes, now) {
      underWay -= bytes;
      lastEvent = now;
      size += size < threshold ? bytes : (SEGMENT_BYTES * bytes) / size;
      size = Math.min(size, Math.max(most, INITIAL_BYTES));
    },
    onLost(bytes, sentAt, now) {
      underWay -= bytes;
      lastEvent = now;
      if (sentAt < halvedAt) return;
      halvedAt = now;
      size = Math.max(LEAST_BYTES, size / 2);
      threshold = size;
    },
    get bytes() {
      return size;
    },
  };
}
