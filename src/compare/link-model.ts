/**
 * One direction of a line, as a pure model: who sends how many bytes when, and when they arrive.
 *
 * - All lanes (one a connection) share one bottleneck, in turn, a segment each.
 * - What has passed it arrives half a round trip later, however much is under way; the sender hears of it
 *   another half later. What a sender does not send yet waits with him: there is no queue before the bottleneck
 *   that one lane could fill for the others.
 * - A sender with a window (`link-window.ts`) has no more under way than that.
 * - A lost segment passes the bottleneck again a round trip later, and what follows it on its lane waits for it.
 *
 * The model holds no data, only counts. Times are milliseconds from any beginning. How late `advance` is called
 * does not change when a segment passes or arrives: timers that fire late make no line slower.
 *
 * @module
 */
import type { Link } from './link.ts';
import { type CongestionWindow, SEGMENT_BYTES } from './link-window.ts';

export interface LaneOptions {
  /** Nothing passes before: the handshake. Lanes are opened in the order of this. */
  readonly from: number;
  /** Absent for a sender that may have everything under way. */
  readonly window?: CongestionWindow;
  /** No more than this passes; then the lane breaks. Default: never. */
  readonly breaksAfter?: number;
  /** From 0 up to, not including, 1: a segment for which it is below `link.loss` is lost. */
  readonly random: () => number;
  /** `bytes` more are there, since `dueAt`. */
  readonly onArrival: (bytes: number, dueAt: number) => void;
  /** All that ever passes is there. */
  readonly onBreak?: () => void;
}

export interface Lane {
  /** Bytes that have not come to the bottleneck yet. */
  readonly waiting: number;
  /** Bytes that have left the sender for the first time. */
  readonly passed: number;
  readonly arrived: number;
}

export interface LinkModel {
  open(options: LaneOptions): Lane;
  /** From `at` on, `bytes` more are there to be sent. */
  offer(lane: Lane, bytes: number, at: number): void;
  /** The receiver takes nothing more, or again. What is under way arrives all the same. */
  hold(lane: Lane, held: boolean, at: number): void;
  /** Nothing of the lane passes or arrives any more. */
  close(lane: Lane): void;
  /** Works off what happens up to `now`. */
  advance(now: number): void;
  /** When something happens next; infinity for never. */
  next(): number;
}

interface MutableLane extends Lane {
  waiting: number;
  passed: number;
  arrived: number;
  readonly options: LaneOptions;
  /** Lost ones, which go before anything else. */
  readonly again: Segment[];
  /** In order, from the first that has not arrived. */
  readonly underWay: Segment[];
  opened: boolean;
  held: boolean;
  closed: boolean;
  /** It stands in the row since. */
  readyAt: number | undefined;
}

interface Segment {
  readonly lane: MutableLane;
  readonly bytes: number;
  sentAt: number;
  state: 'under way' | 'lost' | 'arrived';
}

/** The line that `link` describes, with nothing on it. */
export function createLinkModel(link: Link): LinkModel {
  const msPerByte = 1000 / link.bytesPerSecond;
  const half = link.roundTripMs / 2;
  // Each is in the order of time by itself: handshakes take equally long, and the bottleneck is one.
  const opening: MutableLane[] = [];
  const row: MutableLane[] = [];
  const arriving: Segment[] = [];
  const answered: { readonly segment: Segment; readonly sentAt: number; readonly lost: boolean }[] = [];
  let freeAt = Number.NEGATIVE_INFINITY;

  /** Puts the lane into the row for the bottleneck if it has something to send and may. */
  function enter(lane: MutableLane, at: number): void {
    if (lane.readyAt !== undefined || !maySend(lane, at)) return;
    lane.readyAt = at;
    row.push(lane);
  }

  /** One segment of the first lane in the row passes the bottleneck. */
  function pass(start: number): void {
    const lane = row.shift() as MutableLane;
    lane.readyAt = undefined;
    // Closed or held since it entered.
    if (!maySend(lane, start)) return;
    const segment = lane.again.shift() ?? newSegment(lane);
    freeAt = start + segment.bytes * msPerByte;
    segment.sentAt = freeAt;
    const lost = link.loss > 0 && lane.options.random() < link.loss;
    segment.state = lost ? 'lost' : 'under way';
    if (!lost) arriving.push(segment);
    answered.push({ segment, sentAt: freeAt, lost });
    lane.options.window?.onSent(segment.bytes, freeAt);
    enter(lane, freeAt);
  }

  function arrive(segment: Segment, at: number): void {
    segment.state = 'arrived';
    const { lane } = segment;
    if (lane.closed) return;
    let bytes = 0;
    while (lane.underWay[0]?.state === 'arrived') bytes += lane.underWay.shift()?.bytes ?? 0;
    if (bytes === 0) return;
    lane.arrived += bytes;
    lane.options.onArrival(bytes, at);
    if (lane.arrived === lane.options.breaksAfter) lane.options.onBreak?.();
  }

  function hear(segment: Segment, sentAt: number, lost: boolean): void {
    const { lane, bytes } = segment;
    const at = sentAt + 2 * half;
    if (lost) {
      lane.options.window?.onLost(bytes, sentAt, at);
      lane.again.push(segment);
    } else lane.options.window?.onAcknowledged(bytes, at);
    enter(lane, at);
  }

  const times = (): [opens: number, passes: number, arrives: number, hears: number] => [
    opening[0]?.options.from ?? Number.POSITIVE_INFINITY,
    Math.max(freeAt, row[0]?.readyAt ?? Number.POSITIVE_INFINITY),
    (arriving[0]?.sentAt ?? Number.POSITIVE_INFINITY) + half,
    (answered[0]?.sentAt ?? Number.POSITIVE_INFINITY) + 2 * half,
  ];

  return {
    open(options) {
      const counts = { waiting: 0, passed: 0, arrived: 0, again: [], underWay: [] };
      const state = { opened: false, held: false, closed: false, readyAt: undefined };
      const lane: MutableLane = { options, ...counts, ...state };
      opening.push(lane);
      return lane;
    },
    offer(lane: MutableLane, bytes, at) {
      lane.waiting += bytes;
      enter(lane, at);
    },
    hold(lane: MutableLane, held, at) {
      lane.held = held;
      enter(lane, at);
    },
    close(lane: MutableLane) {
      lane.closed = true;
      lane.waiting = 0;
      lane.again.length = 0;
      lane.underWay.length = 0;
    },
    advance(now) {
      for (;;) {
        const [opens, passes, arrives, hears] = times();
        const first = Math.min(opens, passes, arrives, hears);
        if (first > now) return;
        if (first === opens) {
          const lane = opening.shift() as MutableLane;
          lane.opened = true;
          enter(lane, opens);
        } else if (first === arrives) {
          arrive(arriving.shift() as Segment, arrives);
        } else if (first === hears) {
          const { segment, sentAt, lost } = answered.shift() as (typeof answered)[number];
          hear(segment, sentAt, lost);
        } else pass(passes);
      }
    },
    next: () => Math.min(...times()),
  };
}

function maySend(lane: MutableLane, at: number): boolean {
  if (!lane.opened || lane.closed) return false;
  const { window, breaksAfter = Number.POSITIVE_INFINITY } = lane.options;
  const fresh = lane.waiting > 0 && !lane.held && lane.passed < breaksAfter;
  return (fresh || lane.again.length > 0) && (window?.mayStart(at) ?? true);
}

function newSegment(lane: MutableLane): Segment {
  const { breaksAfter = Number.POSITIVE_INFINITY } = lane.options;
  const bytes = Math.min(SEGMENT_BYTES, lane.waiting, breaksAfter - lane.passed);
  lane.waiting -= bytes;
  lane.passed += bytes;
  const segment: Segment = { lane, bytes, sentAt: 0, state: 'under way' };
  lane.underWay.push(segment);
  return segment;
}
