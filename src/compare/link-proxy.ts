/**
 * A line between a device and a server, below HTTP, so that any client can hang on it.
 *
 * A connection to the proxy goes on to the target over a modelled line:
 *
 * - Each direction has one bottleneck of `bytesPerSecond`, which all connections share in turn; each byte arrives
 *   half a round trip after it has passed it.
 * - A new connection cannot send before one round trip: the handshake.
 * - The server's side of a connection starts with ten segments under way and doubles them each round trip (TCP
 *   slow start); a lost segment is sent again a round trip later, holds up what follows it, and halves the window,
 *   which grows by a segment each round trip from then on. After an idle second it starts again.
 * - With `resetAfterBytes`, a connection is reset when so many bytes went to the client; how many is
 *   exponentially distributed about that mean.
 *
 * Chance is seeded, by the number of the connection. Not modelled: queues that one connection fills for another,
 * DNS, TLS, acknowledgements' own bytes, loss and windows on the way up (requests are small), a lost last
 * segment's timeout, and what TCP and IP add to each segment.
 *
 * @module
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { KiB } from '../core/sizes.ts';
import type { Link } from './link.ts';
import { type Flow, startFlow } from './link-flow.ts';
import { createLinkModel } from './link-model.ts';
import { exponential, seededChance } from './link-random.ts';
import { createWindow } from './link-window.ts';

export interface LinkClock {
  /** Milliseconds from any beginning. */
  readonly now: () => number;
  /** Calls `action` once, `ms` from now or a little later; gives what cancels it. */
  readonly after: (ms: number, action: () => void) => () => void;
}

export interface LinkProxyOptions {
  /** Default 1. */
  readonly seed?: number;
  /** Default: the clock of this machine. */
  readonly clock?: LinkClock;
}

export interface LinkProxy {
  /** Where it listens, on the loopback interface. */
  readonly port: number;
  /** Bytes that went to clients over the line. */
  wireBytes(): number;
  /** The connection that the target sees coming from this port. */
  connectionFrom(port: number): LinkConnection | undefined;
  /** Cuts every connection and listens no more. */
  close(): Promise<void>;
}

/** One connection's account; it stays true when the connection is closed. */
export interface LinkConnection {
  /** Bytes that went to the client over the line. */
  readonly passed: number;
}

/** What waits before the bottleneck lasts so long, or the line would run dry between two timers. */
const ROOM_MS = 30;
const LEAST_ROOM = 64 * KiB;

const REAL_CLOCK: LinkClock = {
  now: () => performance.now(),
  after(ms, action) {
    // The shortest timer takes a millisecond.
    if (ms <= 0) {
      const soon = setImmediate(action);
      return () => clearImmediate(soon);
    }
    const timer = setTimeout(action, ms);
    return () => clearTimeout(timer);
  },
};

/** Listens for connections and joins each to `target` over the line `link`. */
export async function startLinkProxy(
  target: { readonly host: string; readonly port: number },
  link: Link,
  options: LinkProxyOptions = {},
): Promise<LinkProxy> {
  const { seed = 1, clock = REAL_CLOCK } = options;
  const up = createLinkModel(link);
  const down = createLinkModel(link);
  const open = new Set<{ readonly flows: readonly Flow[]; readonly cut: () => void }>();
  const byPort = new Map<number, LinkConnection>();
  const bandwidthDelay = (link.bytesPerSecond * link.roundTripMs) / 1000;
  const room = Math.max(LEAST_ROOM, (link.bytesPerSecond * ROOM_MS) / 1000);
  const lanes: LinkConnection[] = [];
  let wakeAt = Number.POSITIVE_INFINITY;
  let cancel = (): void => {};

  function work(): void {
    wakeAt = Number.POSITIVE_INFINITY;
    const now = clock.now();
    up.advance(now);
    down.advance(now);
    for (const { flows } of open) for (const flow of flows) flow.flush();
    schedule();
  }

  function schedule(): void {
    const at = Math.min(up.next(), down.next());
    if (at >= wakeAt) return;
    cancel();
    wakeAt = at;
    cancel = clock.after(Math.max(0, at - clock.now()), work);
  }

  function accept(client: Socket): void {
    const now = clock.now();
    const upstream = connect({ ...target, allowHalfOpen: true, noDelay: true });
    const random = seededChance(`${seed}/${lanes.length}`);
    const breaks = link.resetAfterBytes > 0 ? exponential(link.resetAfterBytes, random) : undefined;
    const shared = { random, room, now: clock.now, onOffer: schedule };
    const upFlow: Flow = startFlow(client, upstream, up, {
      ...shared,
      from: now + link.roundTripMs,
      credit: () => downFlow.late,
    });
    const downFlow: Flow = startFlow(upstream, client, down, {
      ...shared,
      from: now,
      window: createWindow(2 * bandwidthDelay),
      credit: () => upFlow.late,
      ...(breaks === undefined ? {} : { breaksAfter: breaks, onBreak: () => reset() }),
    });
    const connection = { flows: [upFlow, downFlow], cut: () => client.destroy() };
    open.add(connection);
    lanes.push(downFlow.lane);
    const reset = (): void => {
      downFlow.flush();
      client.resetAndDestroy();
    };
    // An upstream that has merely ended may have left bytes that are still under way.
    upstream.once('connect', () => byPort.set(upstream.localPort ?? 0, downFlow.lane));
    upstream.on('error', reset);
    client.on('error', () => {});
    client.on('close', () => {
      open.delete(connection);
      for (const flow of connection.flows) flow.close();
      // The server hears of it as of a reset, unless it has said all it had to.
      if (upstream.readableEnded) upstream.destroy();
      else upstream.resetAndDestroy();
    });
  }

  const server = createServer({ allowHalfOpen: true, noDelay: true }, accept);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    wireBytes: () => lanes.reduce((sum, { passed }) => sum + passed, 0),
    connectionFrom: (port) => byPort.get(port),
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const { cut } of open) cut();
      await closed;
      cancel();
    },
  };
}
