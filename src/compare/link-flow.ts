/**
 * The bytes of one direction of one connection, from the socket they come from, over the modelled line, to the
 * socket they go to.
 *
 * It keeps what waits or is under way: some hundredths of a second of the line, then the source is paused.
 *
 * @module
 */
import type { Socket } from 'node:net';
import { KiB } from '../core/sizes.ts';
import type { Lane, LaneOptions, LinkModel } from './link-model.ts';

export interface FlowOptions extends Omit<LaneOptions, 'onArrival'> {
  /** Bytes that may wait before the source is paused. */
  readonly room: number;
  readonly now: () => number;
  /** Hears of whatever may have changed when something happens next. */
  readonly onOffer: () => void;
  /** How late the last delivery of the other direction was. */
  readonly credit: () => number;
}

export interface Flow {
  readonly lane: Lane;
  /** How many milliseconds after it was due the last delivery was made. */
  readonly late: number;
  /** Hands on what has arrived. */
  flush(): void;
  /** Gives up what has not. */
  close(): void;
}

/** Longest lateness that is made up for: more than a timer's would hide a slow server or device. */
const MOST_CREDIT_MS = 5;

/** What may lie with a receiver that does not read. */
const SINK_ROOM = 256 * KiB;

/** Joins `source` to `sink` over a lane of `model`. */
export function startFlow(source: Socket, sink: Socket, model: LinkModel, options: FlowOptions): Flow {
  const held: Buffer[] = [];
  let due = 0;
  let dueAt = 0;
  let late = 0;
  let ended = false;
  let closed = false;
  const lane = model.open({
    ...options,
    onArrival(bytes, at) {
      due += bytes;
      dueAt = at;
    },
  });

  function deliver(): void {
    late = Math.min(options.now() - dueAt, MOST_CREDIT_MS);
    sink.cork();
    while (due > 0) {
      const block = held[0] as Buffer;
      const part = block.subarray(0, due);
      due -= part.byteLength;
      if (part.byteLength === block.byteLength) held.shift();
      else held[0] = block.subarray(part.byteLength);
      sink.write(part);
    }
    sink.uncork();
    if (sink.writableLength <= SINK_ROOM) return;
    model.hold(lane, true, options.now());
    sink.once('drain', () => {
      model.hold(lane, false, options.now());
      options.onOffer();
    });
  }

  function flush(): void {
    if (closed) return;
    if (due > 0) deliver();
    if (source.isPaused() && lane.waiting <= options.room / 2) source.resume();
    if (ended && held.length === 0) finish();
  }

  function finish(): void {
    closed = true;
    sink.end();
  }

  source.on('data', (block: Buffer) => {
    held.push(block);
    // What was delivered late by a timer was answered late as well: the line has not lost that time.
    model.offer(lane, block.byteLength, options.now() - options.credit());
    if (lane.waiting > options.room) source.pause();
    options.onOffer();
  });
  source.on('end', () => {
    ended = true;
    flush();
  });
  return {
    lane,
    flush,
    close() {
      closed = true;
      held.length = 0;
      model.close(lane);
    },
    get late() {
      return late;
    },
  };
}
