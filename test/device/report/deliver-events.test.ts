import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { SiltError } from '../../../src/core/errors.ts';
import type { LogEntry } from '../../../src/device/log.ts';
import {
  type DeliverOptions,
  type DeliveryReport,
  deliverEvents,
} from '../../../src/device/report/deliver-events.ts';
import { MAX_DOCUMENT } from '../../../src/device/report/event-document.ts';
import { type EventOutbox, openOutbox } from '../../../src/device/report/outbox.ts';
import { openHttpPost } from '../../../src/store/http-post.ts';
import {
  type Behaviour,
  type EventsDocument,
  type EventsServer,
  type Received,
  serveEvents,
} from '../../support/events-server.ts';
import { sampleEvent } from '../../support/sample-event.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const START = Date.parse('2026-11-22T12:00:00Z');
const device = { id: 'gw-1', hardware: 'imx8', variant: 'b' };
const ids = (count: number, from = 0): string[] => Array.from({ length: count }, (_, n) => `e${n + from}`);

interface Stage {
  readonly server: EventsServer;
  readonly outbox: EventOutbox;
  readonly directory: string;
  readonly log: LogEntry[];
  /** Milliseconds since the start. */
  readonly clock: { ms: number };
  /** @param from default: the outbox, as a process of its own opens it */
  deliver(options?: DeliverOptions, from?: EventOutbox): Promise<DeliveryReport>;
}

async function open(
  t: ExecutionContext<unknown>,
  events: number,
  behaviour?: Behaviour,
  options: { readonly tokenFile?: string; readonly random?: number; readonly timeoutMs?: number } = {},
): Promise<Stage> {
  const directory = await temporaryDirectory(t);
  const server = await serveEvents(t, behaviour);
  const clock = { ms: 0 };
  const now = (): Date => new Date(START + clock.ms);
  const { tokenFile, random = 0, timeoutMs = 10_000 } = options;
  const post = openHttpPost(server.url, { timeoutMs, now: () => now().getTime() });
  t.teardown(() => post.close());
  const log: LogEntry[] = [];
  const path = join(directory, 'outbox');
  const outbox = openOutbox(path);
  for (let n = 0; n < events; n++) await outbox.add(sampleEvent(n));
  return {
    server,
    outbox,
    directory: path,
    log,
    clock,
    deliver: (delivery, from = openOutbox(path)) =>
      deliverEvents(
        from,
        { post, device, tokenFile, now, random: () => random },
        { log: (entry) => log.push(entry), ...delivery },
      ),
  };
}

test('events are delivered in order, in one document, and are gone then', async (t) => {
  const { server, deliver, outbox } = await open(t, 3);
  t.deepEqual(await deliver(), {
    delivered: 3,
    refused: 0,
    waiting: 0,
    notBefore: undefined,
    problem: undefined,
  });
  t.deepEqual(server.taken, ids(3));
  const [{ headers, body }] = server.received as [(typeof server.received)[0]];
  t.deepEqual(JSON.parse(body) as EventsDocument, {
    format: 'silt-device-events',
    formatVersion: 1,
    device,
    lost: 0,
    events: [0, 1, 2].map((n) => sampleEvent(n)),
  });
  t.is(headers['content-type'], 'application/json');
  t.regex(String(headers['idempotency-key']), /^"[0-9a-f]{64}"$/);
  t.is(headers.authorization, undefined);
  t.is((await outbox.waiting()).events, 0);
});

test('without events nothing is sent', async (t) => {
  const { server, deliver } = await open(t, 0);
  t.is((await deliver()).waiting, 0);
  t.deepEqual(server.received, []);
});

test('many events go in documents of a bounded number, and large ones in documents of a bounded size', async (t) => {
  const { server, deliver, outbox } = await open(t, 230);
  await deliver();
  t.deepEqual(server.taken, ids(230));
  t.deepEqual(
    server.received.map((one) => one.ids.length),
    [100, 100, 30],
  );
  // Six bytes a character, the most that JSON makes of one.
  const message = '\u0001'.repeat(2000);
  for (let n = 0; n < 12; n++) await outbox.add(sampleEvent(n, 'failed', { message }));
  await deliver();
  const large = server.received.slice(3);
  t.true(large.length > 1);
  t.true(large.every(({ body }) => body.length <= MAX_DOCUMENT));
  t.deepEqual(
    large.flatMap((one) => one.ids),
    ids(12),
  );
});

for (const status of [408, 425, 429, 500, 502, 503]) {
  test(`after the status ${status} everything is kept, and sent again when it is time to`, async (t) => {
    const { server, deliver, clock, log } = await open(t, 3, () => status);
    const report = await deliver();
    t.like(report, { delivered: 0, refused: 0, waiting: 3, problem: { code: 'NETWORK' } });
    t.deepEqual(report.notBefore, new Date(START + 15_000));
    t.deepEqual(
      log.map(({ level, topic }) => [level, topic]),
      [['warning', 'report']],
    );
    server.behave(() => 200);
    clock.ms = 14_999;
    t.deepEqual(await deliver(), report);
    t.is(server.received.length, 1);
    clock.ms = 15_000;
    t.is((await deliver()).delivered, 3);
    t.deepEqual(server.taken, ids(3));
    t.is(server.received[0]?.headers['idempotency-key'], server.received[1]?.headers['idempotency-key']);
  });
}

for (const status of [301, 302, 307, 401, 403, 404, 405, 410, 415, 451]) {
  test(`after the status ${status} everything is kept, and it is told what to do`, async (t) => {
    const { server, deliver, log } = await open(t, 3, () => ({
      status,
      headers: { location: '/elsewhere' },
    }));
    const { waiting, problem, notBefore } = await deliver();
    t.is(waiting, 3);
    t.is(problem?.code, 'STORE_REFUSED');
    t.regex(problem?.message ?? '', new RegExp(`with status ${status}: .*(check|correct)`));
    t.true(notBefore !== undefined);
    t.is(log[0]?.message, problem?.message);
    t.is(server.received.length, 1);
  });
}

test('each failure waits longer, up to a bound, in another process too', async (t) => {
  const { deliver, clock, outbox } = await open(t, 1, () => 503);
  const waits: number[] = [];
  for (let again = 0; again < 10; again++) {
    const { notBefore } = await deliver();
    waits.push((notBefore!.getTime() - START - clock.ms) / 1000);
    clock.ms = notBefore!.getTime() - START;
  }
  t.deepEqual(waits, [15, 30, 60, 120, 240, 480, 960, 1800, 1800, 1800]);
  t.is((await outbox.waiting()).failures, 10);
});

test('after a success the waits begin anew', async (t) => {
  const { deliver, clock, outbox, server } = await open(t, 1, () => 503);
  await deliver();
  server.behave(() => 200);
  clock.ms = 20_000;
  await deliver();
  t.deepEqual(await outbox.waiting(), { events: 0, failures: 0, dropped: 0, damaged: 0, refused: 0 });
});

test('chance comes on top of the waits', async (t) => {
  const { deliver } = await open(t, 1, () => 503, { random: 0.5 });
  t.deepEqual((await deliver()).notBefore, new Date(START + 22_500));
});

test('Retry-After is waited for, but not for ever', async (t) => {
  const fields = ['120', '99999999'];
  const { deliver, clock } = await open(t, 1, (_, number) => ({
    status: 429,
    headers: { 'retry-after': fields[number - 1] ?? '' },
  }));
  t.deepEqual((await deliver()).notBefore, new Date(START + 120_000));
  clock.ms = 120_000;
  t.deepEqual((await deliver()).notBefore, new Date(START + 120_000 + 3_600_000));
});

test('an operator need not wait', async (t) => {
  const { deliver, server } = await open(t, 1, () => 503);
  await deliver();
  server.behave(() => 200);
  t.is((await deliver({ atOnce: true })).delivered, 1);
});

test('a time of another try that a wrong clock has told is not waited for', async (t) => {
  const { deliver, outbox } = await open(t, 1);
  await outbox.note((state) => ({ ...state, failures: 1, notBefore: START + 86_400_000 }));
  t.is((await deliver()).delivered, 1);
});

test('what one document has delivered stays delivered when the next one fails', async (t) => {
  const { deliver, server } = await open(t, 150, (_, number) => (number === 1 ? 200 : 503));
  t.like(await deliver(), { delivered: 100, waiting: 50 });
  server.behave(() => 200);
  t.like(await deliver({ atOnce: true }), { delivered: 50, waiting: 0 });
  t.deepEqual(server.taken, ids(150));
});

for (const [what, behaviour] of Object.entries<Behaviour>({
  'a connection that is reset': () => (_, request) => request.socket.resetAndDestroy(),
  'a connection that is closed': () => (_, request) => request.socket.destroy(),
  'an answer that is none': () => (_, request) => request.socket.end('HELLO\r\n\r\n'),
})) {
  test(`after ${what} everything is kept and sent again`, async (t) => {
    const { deliver, server } = await open(t, 2, behaviour);
    t.like(await deliver(), { delivered: 0, waiting: 2, problem: { code: 'NETWORK' } });
    server.behave(() => 200);
    t.is((await deliver({ atOnce: true })).delivered, 2);
    t.deepEqual(server.received.at(-1)?.ids, ids(2));
  });
}

test('a server that never answers, or is not there, loses nothing', async (t) => {
  const { deliver, server } = await open(t, 2, () => () => {}, { timeoutMs: 50 });
  t.like(await deliver(), { waiting: 2, problem: { code: 'NETWORK' } });
  await server.close();
  t.like(await deliver({ atOnce: true }), { waiting: 2, problem: { code: 'NETWORK' } });
});

for (const status of [400, 413, 422]) {
  test(`the one event that is refused with ${status} is found and dropped, and told`, async (t) => {
    for (const bad of [0, 37, 99]) {
      const { deliver, server, log, outbox } = await open(t, 100, (received) =>
        received.ids.includes(`e${bad}`) ? status : 200,
      );
      t.like(await deliver(), { delivered: 99, refused: 1, waiting: 0, problem: undefined });
      t.deepEqual(
        server.taken,
        ids(100).filter((id) => id !== `e${bad}`),
      );
      t.true(server.received.length <= 16, `${server.received.length} requests`);
      t.like(log[0], { level: 'warning', topic: 'report', data: { event: `e${bad}`, status } });
      t.is((await outbox.waiting()).refused, 1);
    }
  });
}

test('several events that are refused are found', async (t) => {
  const bad = ['e3', 'e4', 'e60'];
  const { deliver, server } = await open(t, 80, ({ ids: got }) =>
    got.some((id) => bad.includes(id)) ? 422 : 200,
  );
  t.like(await deliver(), { delivered: 77, refused: 3, waiting: 0 });
  t.deepEqual(
    server.taken,
    ids(80).filter((id) => !bad.includes(id)),
  );
});

test('an event that is refused and is alone is dropped by a server that takes a document without events', async (t) => {
  const { deliver, server } = await open(t, 1, ({ ids: got }) => (got.length > 0 ? 422 : 200));
  t.like(await deliver(), { delivered: 0, refused: 1, waiting: 0 });
  t.deepEqual(
    server.received.map((one) => one.ids),
    [['e0'], []],
  );
});

test('a server that refuses every document loses no event', async (t) => {
  const { deliver, server, outbox } = await open(t, 10, () => 400);
  t.like(await deliver(), { delivered: 0, refused: 0, waiting: 10, problem: { code: 'STORE_REFUSED' } });
  t.deepEqual(
    server.received.map((one) => one.ids.length),
    [10, 5, 2, 1, 0],
  );
  t.is((await outbox.waiting()).failures, 1);
});

test('a server that refuses every event is not asked without end', async (t) => {
  const { deliver, server } = await open(t, 100, ({ ids: got }) => (got.length > 0 ? 400 : 200));
  const { refused, waiting, notBefore } = await deliver();
  t.is(refused + waiting, 100);
  t.true(refused > 0);
  t.is(server.received.length, 64);
  t.deepEqual(notBefore, new Date(START + 60_000));
});

test('the token is read before each delivery and goes with it', async (t) => {
  const tokenFile = join(await temporaryDirectory(t), 'token');
  const { deliver, server, outbox } = await open(t, 1, undefined, { tokenFile });
  for (const token of ['first.one', 'next+one==']) {
    await writeFile(tokenFile, `${token}\nand a line that is nobody's\n`);
    await outbox.add(sampleEvent(9));
    await deliver();
    t.is(server.received.at(-1)?.headers.authorization, `Bearer ${token}`);
  }
});

test('without a token that can be shown nothing is sent, and everything is kept', async (t) => {
  const tokenFile = join(await temporaryDirectory(t), 'token');
  const { deliver, server, log } = await open(t, 1, undefined, { tokenFile });
  for (const text of [undefined, '', '\nsecond', 'two words', 'x\u0000y', 'y'.repeat(9000)]) {
    if (text !== undefined) await writeFile(tokenFile, text);
    const { waiting, problem } = await deliver({ atOnce: true });
    t.is(waiting, 1);
    t.is(problem?.code, 'KEY_UNUSABLE');
    t.regex(problem?.message ?? '', /expected a token in the first line of .*feedback\.tokenFile/);
  }
  t.deepEqual(server.received, []);
  t.notRegex(JSON.stringify(log), /words|yyy/);
});

test('a signal ends a delivery with its reason, keeps everything and counts no failure', async (t) => {
  const controller = new AbortController();
  const reason = new Error('the agent ends');
  const { deliver, outbox } = await open(t, 2, () => () => controller.abort(reason));
  t.is(await t.throwsAsync(deliver({ signal: controller.signal })), reason);
  t.like(await outbox.waiting(), { events: 2, failures: 0 });
});

test('events that are added while others are delivered are delivered too', async (t) => {
  const directory = await temporaryDirectory(t);
  const outbox = openOutbox(directory);
  await outbox.add(sampleEvent(0));
  const sent: string[] = [];
  const post = {
    location: 'here',
    async send(_: string, body: Uint8Array) {
      const { events } = JSON.parse(Buffer.from(body).toString()) as EventsDocument;
      sent.push(...events.map(({ id }) => id));
      if (sent.length < 4) await outbox.add(sampleEvent(sent.length));
      return { status: 200, retryAfterMs: undefined };
    },
  };
  t.like(await deliverEvents(outbox, { post, device }), { delivered: 4, waiting: 0 });
  t.deepEqual(sent, ids(4));
});

test('what the outbox has lost is told with the events', async (t) => {
  const { server, deliver, outbox } = await open(t, 1);
  await outbox.note((state) => ({ ...state, dropped: 4, damaged: 3, refused: 2 }));
  await deliver();
  t.is((JSON.parse(server.received[0]?.body ?? '') as EventsDocument).lost, 7);
});

test('a disk that is full does not keep events from being delivered, and failures from being told', async (t) => {
  const { deliver, outbox, server, log } = await open(t, 2, () => 503);
  const full: EventOutbox = {
    add: (event) => outbox.add(event),
    waiting: async () => ({ ...(await outbox.waiting()), failures: 3 }),
    first: (limits) => outbox.first(limits),
    remove: (events) => outbox.remove(events),
    note: async () => {
      throw new SiltError('NO_SPACE', 'the file system is full');
    },
  };
  t.like(await deliver({}, full), { waiting: 2, problem: { code: 'NETWORK' } });
  t.deepEqual(
    log.map(({ data }) => data?.code),
    ['NO_SPACE', 'NETWORK'],
  );
  server.behave(() => 200);
  t.like(await deliver({}, full), { delivered: 2, waiting: 0 });
});

/** What a server may do to one request. */
const whim = fc.oneof(
  { weight: 4, arbitrary: fc.constant('take' as const) },
  fc.constant('takeAndReset' as const),
  fc.constant('reset' as const),
  fc.constantFrom(408, 429, 500, 503, 401, 404, 302),
);

test('whatever server and network do, every event arrives, for the first time in order, and bad ones alone go', async (t) => {
  const plan = fc.record({
    whims: fc.array(whim, { maxLength: 12 }),
    /** How many are added before each delivery. */
    adds: fc.array(fc.nat(12), { minLength: 1, maxLength: 6 }),
    bad: fc.uniqueArray(fc.nat(30), { maxLength: 2 }),
  });
  await fc.assert(
    fc.asyncProperty(plan, async ({ whims, adds, bad }) => {
      const got: string[] = [];
      const isBad = ({ ids: sent }: Received): boolean => sent.some((id) => bad.some((n) => id === `e${n}`));
      const { deliver, outbox } = await open(t, 0, (received, number) => {
        const next = whims[number - 1] ?? 'take';
        if (typeof next === 'number') return next;
        if (next === 'reset') return (_, request) => request.socket.resetAndDestroy();
        if (isBad(received)) return 422;
        got.push(...received.ids);
        return next === 'take' ? 200 : (_, request) => request.socket.resetAndDestroy();
      });
      let count = 0;
      for (const more of adds) {
        for (let n = 0; n < more; n++) await outbox.add(sampleEvent(count++));
        await deliver({ atOnce: true });
      }
      for (let rest = whims.length; rest >= 0; rest--) await deliver({ atOnce: true });
      const wanted = ids(count).filter((id) => !bad.some((n) => id === `e${n}`));
      t.deepEqual([...new Set(got)], wanted);
      t.is((await outbox.waiting()).events, 0);
    }),
    { seed: 4, numRuns: 20 },
  );
});
