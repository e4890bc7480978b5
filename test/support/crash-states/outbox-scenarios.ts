/**
 * The outbox: what was kept before a cut is delivered in the end, in order; what was never delivered is not gone.
 *
 * @module
 */
import { join } from 'node:path';
import { deliverEvents } from '../../../src/device/report/deliver-events.ts';
import type { EventKind } from '../../../src/device/report/event.ts';
import { type EventOutbox, openOutbox } from '../../../src/device/report/outbox.ts';
import { sampleEvent } from '../sample-event.ts';
import type { Scenario } from './enumerate.ts';
import { mustHold } from './must-hold.ts';

const DIRECTORY = 'var/lib/silt/outbox';

/** What keeps events; a test gives one of its own to see it fail. */
export type OpenEvents = (directory: string, most?: number) => EventOutbox;

const real: OpenEvents = (directory, most) => openOutbox(directory, most === undefined ? {} : { most });

/** Promises: the event with this number is kept; from here on, so many less, the server has it. */
const RECEIVED = 1000;

const device = { id: 'gw-1' };

/** Delivers what waits to a server that always takes it. @returns numbers of the events, in order */
async function deliverAll(outbox: EventOutbox, heard: (n: number) => void): Promise<void> {
  const post = {
    location: 'the server',
    async send(_: string, body: Uint8Array) {
      const { events } = JSON.parse(Buffer.from(body).toString()) as { events: { id: string }[] };
      for (const { id } of events) heard(Number(id.slice(1)));
      return { status: 200, retryAfterMs: undefined };
    },
  };
  await deliverEvents(outbox, { post, device }, { atOnce: true });
}

/** Those that come for the first time, in order. */
const firsts = (numbers: readonly number[]): number[] => [...new Set(numbers)];

async function recoverAll(
  outbox: EventOutbox,
  promised: readonly number[],
  expected: readonly number[],
): Promise<void> {
  const received = promised.flatMap((value) => (value >= RECEIVED ? [value - RECEIVED] : []));
  const kept = promised.filter((value) => value < RECEIVED);
  const waiting = await outbox.first({ events: 1000, bytes: 1e9 });
  const ids = waiting.map(({ event }) => event.id);
  mustHold(new Set(ids).size === ids.length, `an event is kept twice: ${ids.join()}`);
  await deliverAll(outbox, (n) => received.push(n));
  for (const n of kept.filter((value) => expected.includes(value))) {
    mustHold(received.includes(n), `the event ${n} was kept and is gone; the server has ${received.join()}`);
  }
  const order = firsts(received);
  const sorted = order.toSorted((one, other) => one - other);
  mustHold(order.join() === sorted.join(), `the server got the events in the order ${received.join()}`);
  const { events, damaged } = await outbox.waiting();
  mustHold(events === 0, `${events} events wait after all were delivered`);
  mustHold(damaged === 0, `${damaged} events were damaged`);
}

/** Keeps three, delivers them, keeps two more. */
function keepsAndDelivers(open: OpenEvents): Scenario {
  return {
    what: 'Outbox: events kept, delivered, and kept',
    async prepare() {},
    async work(root, promise) {
      const outbox = open(join(root, DIRECTORY));
      const keep = async (n: number): Promise<void> => {
        await outbox.add(sampleEvent(n));
        promise(n);
      };
      for (const n of [1, 2, 3]) await keep(n);
      await deliverAll(outbox, (n) => promise(RECEIVED + n));
      for (const n of [4, 5]) await keep(n);
    },
    recover: async (root, promised) =>
      await recoverAll(open(join(root, DIRECTORY)), promised, [1, 2, 3, 4, 5]),
  };
}

/** Fills an outbox of three, so that progress makes room for an outcome. */
function makesRoom(open: OpenEvents): Scenario {
  const kinds: readonly EventKind[] = ['started', 'progress', 'progress', 'installed', 'failed'];
  const at = (root: string): EventOutbox => open(join(root, DIRECTORY), 3);
  return {
    what: 'Outbox: full, progress makes room',
    async prepare() {},
    async work(root, promise) {
      const outbox = at(root);
      for (const [n, kind] of kinds.entries()) {
        await outbox.add(sampleEvent(n, kind));
        promise(n);
      }
    },
    // An update repeats the event at which it was, not those before it.
    again: (root) => at(root).add(sampleEvent(4, 'failed')),
    async recover(root, promised) {
      const outbox = at(root);
      const before = (await outbox.waiting()).events;
      mustHold(before <= 4, `${before} events in an outbox for 3`);
      await recoverAll(outbox, promised, [0, 3, 4]);
    },
  };
}

export function outboxScenarios(open: OpenEvents = real): Scenario[] {
  return [keepsAndDelivers(open), makesRoom(open)];
}
