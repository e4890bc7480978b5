import { mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import type { EventKind } from '../../../src/device/report/event.ts';
import { MAX_EVENT_FILE, MAX_MESSAGE } from '../../../src/device/report/kept-event.ts';
import { type EventOutbox, type OutboxOptions, openOutbox } from '../../../src/device/report/outbox.ts';
import { sampleEvent } from '../../support/sample-event.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

const ALL = { events: 10_000, bytes: 1e9 };

async function make(t: ExecutionContext, options: OutboxOptions = {}) {
  const directory = join(await temporaryDirectory(t), 'outbox');
  return { directory, outbox: openOutbox(directory, options) };
}

const idsIn = async (outbox: EventOutbox): Promise<string[]> =>
  (await outbox.first(ALL)).map(({ event }) => event.id);

const eventFiles = async (directory: string): Promise<string[]> =>
  (await readdir(directory)).filter((name) => name.endsWith('.event')).sort();

test('events come out as they were added and in that order, also of another process', async (t) => {
  const { directory, outbox } = await make(t);
  const events = [3, 1, 2].map((n) =>
    sampleEvent(n, 'failed', { code: 'NO_SPACE', message: `full: "ä" ${n}` }),
  );
  for (const event of events) await outbox.add(event);
  t.deepEqual(
    (await openOutbox(directory).first(ALL)).map(({ event }) => event),
    events,
  );
  t.is((await outbox.waiting()).events, 3);
});

test('an outbox that nobody has added to is empty, and asking makes nothing', async (t) => {
  const { directory, outbox } = await make(t);
  t.deepEqual(await outbox.first(ALL), []);
  t.deepEqual(await outbox.waiting(), { events: 0, failures: 0, dropped: 0, damaged: 0, refused: 0 });
  await t.throwsAsync(readdir(directory), { code: 'ENOENT' });
});

test('events added at once are all kept, in the order of the calls', async (t) => {
  const { outbox } = await make(t);
  await Promise.all(Array.from({ length: 20 }, (_, n) => outbox.add(sampleEvent(n))));
  t.deepEqual(
    await idsIn(outbox),
    Array.from({ length: 20 }, (_, n) => `e${n}`),
  );
});

test('an event whose id is kept already is kept once, where it stands', async (t) => {
  const { directory, outbox } = await make(t);
  for (const n of [1, 2]) await outbox.add(sampleEvent(n));
  await openOutbox(directory).add(sampleEvent(1, 'booted', { time: '2026-11-02T00:00:00.000Z' }));
  t.deepEqual(await idsIn(outbox), ['e1', 'e2']);
  t.is((await outbox.first(ALL))[0]?.event.time, sampleEvent(1).time);
});

test('what was let go of is gone, and the order goes on', async (t) => {
  const { outbox } = await make(t);
  for (const n of [1, 2, 3]) await outbox.add(sampleEvent(n));
  const [first] = await outbox.first(ALL);
  for (let again = 0; again < 2; again++) await outbox.remove([first!]);
  await outbox.add(sampleEvent(0));
  t.deepEqual(await idsIn(outbox), ['e2', 'e3', 'e0']);
});

test('no more is taken out than asked for, but one event at least', async (t) => {
  const { outbox } = await make(t);
  for (const n of [1, 2, 3]) await outbox.add(sampleEvent(n));
  const [one] = await outbox.first(ALL);
  t.is((await outbox.first({ events: 2, bytes: 1e9 })).length, 2);
  t.is((await outbox.first({ events: 9, bytes: one!.text.length * 2 })).length, 2);
  t.is((await outbox.first({ events: 9, bytes: 1 })).length, 1);
});

test('when it is full the oldest progress goes, then what else is no outcome', async (t) => {
  const lost: string[] = [];
  const { outbox } = await make(t, { most: 4, log: ({ data }) => lost.push(String(data?.file)) });
  const kinds: EventKind[] = ['started', 'progress', 'healthy', 'progress'];
  for (const [n, kind] of kinds.entries()) await outbox.add(sampleEvent(n, kind));
  const next: readonly (readonly [EventKind, readonly string[]])[] = [
    ['failed', ['e0', 'e2', 'e3', 'e10']],
    ['progress', ['e0', 'e2', 'e10', 'e11']],
    ['installed', ['e0', 'e2', 'e10', 'e12']],
    ['rolledBack', ['e2', 'e10', 'e12', 'e13']],
    ['healthy', ['e2', 'e10', 'e13', 'e14']],
    // Itself the least of all.
    ['progress', ['e2', 'e10', 'e13', 'e14']],
    ['failed', ['e10', 'e13', 'e14', 'e16']],
  ];
  for (const [at, [kind, expected]] of next.entries()) {
    await outbox.add(sampleEvent(10 + at, kind));
    t.deepEqual(await idsIn(outbox), expected, `${at} ${kind}`);
  }
  t.is((await outbox.waiting()).dropped, next.length);
  t.is(lost.length, next.length);
});

const kindOf = fc.constantFrom<EventKind>('started', 'progress', 'installed', 'booted', 'healthy', 'failed');
const isOutcome = (kind: string): boolean => kind === 'healthy' || kind === 'failed';

test('whatever is added, it is bounded, in order, counted, and keeps outcomes before anything lesser', async (t) => {
  const steps = fc.array(fc.record({ kind: kindOf, id: fc.nat(30), takes: fc.boolean() }), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 1, max: 8 }), async (wanted, most) => {
      const { outbox } = await make(t, { most });
      let gone = 0;
      let added = 0;
      const outcomes = new Set<string>();
      for (const [at, { kind, id, takes }] of wanted.entries()) {
        const event = sampleEvent(id, kind);
        const before = await outbox.first(ALL);
        if (!before.some((kept) => kept.event.id === event.id)) {
          added += 1;
          if (isOutcome(kind)) outcomes.add(event.id);
        }
        await outbox.add(event);
        if (takes && at % 3 === 0) {
          const [oldest] = await outbox.first({ events: 1, bytes: 1 });
          if (oldest !== undefined) {
            await outbox.remove([oldest]);
            outcomes.delete(oldest.event.id);
            gone += 1;
          }
        }
        const kept = await outbox.first(ALL);
        const sequences = kept.map(({ sequence }) => sequence);
        const { dropped, events } = await outbox.waiting();
        t.true(events <= most);
        t.is(events, kept.length);
        t.deepEqual(
          sequences,
          sequences.toSorted((a, b) => a - b),
        );
        t.is(added, events + gone + dropped);
        const held = new Set(kept.map(({ event: { id } }) => id));
        const lostOutcome = [...outcomes].some((each) => !held.has(each));
        if (kept.some((one) => !isOutcome(one.event.kind))) t.false(lostOutcome);
        for (const each of outcomes) if (!held.has(each)) outcomes.delete(each);
      }
    }),
    { seed: 11, numRuns: 25 },
  );
});

const damages: Readonly<Record<string, (path: string) => Promise<void>>> = {
  'cut short': (path) => truncate(path, 100),
  empty: (path) => truncate(path, 0),
  'with a bit turned': async (path) => {
    const bytes = await readFile(path);
    bytes[100]! ^= 1;
    await writeFile(path, bytes);
  },
  'larger than any': (path) => truncate(path, MAX_EVENT_FILE + 1),
};

for (const [what, damage] of Object.entries(damages)) {
  test(`a file that is ${what} goes and is counted, and the others come out`, async (t) => {
    const { directory, outbox } = await make(t);
    for (const n of [1, 2, 3]) await outbox.add(sampleEvent(n));
    const names = await eventFiles(directory);
    await damage(join(directory, names[1]!));
    t.deepEqual(await idsIn(outbox), ['e1', 'e3']);
    t.deepEqual(await eventFiles(directory), [names[0], names[2]]);
    t.is((await outbox.waiting()).damaged, 1);
    await outbox.add(sampleEvent(2));
    t.deepEqual(await idsIn(outbox), ['e1', 'e3', 'e2']);
  });
}

test('an event is kept again where its file is damaged', async (t) => {
  const { directory, outbox } = await make(t);
  await outbox.add(sampleEvent(1));
  await truncate(join(directory, (await eventFiles(directory))[0]!), 9);
  await outbox.add(sampleEvent(1));
  t.deepEqual(await idsIn(outbox), ['e1']);
});

test('the file of one event under the name of another is damage', async (t) => {
  const { directory, outbox } = await make(t);
  for (const n of [1, 2]) await outbox.add(sampleEvent(n));
  const [one, other] = await eventFiles(directory);
  await writeFile(join(directory, one!), await readFile(join(directory, other!)));
  t.deepEqual(await idsIn(outbox), ['e2']);
});

test('what else lies there is left alone', async (t) => {
  const { directory, outbox } = await make(t);
  await mkdir(join(directory, `000000000001-booted-${'a'.repeat(32)}.event`), { recursive: true });
  await writeFile(join(directory, 'README'), 'hello');
  await outbox.add(sampleEvent(1));
  t.deepEqual(await idsIn(outbox), ['e1']);
  t.is((await outbox.waiting()).damaged, 0);
  t.is((await readdir(directory)).length, 3);
});

test('a name with the last number there is hides nothing that comes after', async (t) => {
  const { directory, outbox } = await make(t);
  await mkdir(directory);
  await writeFile(join(directory, `999999999999-booted-${'a'.repeat(32)}.event`), 'x');
  await outbox.add(sampleEvent(1));
  await outbox.add(sampleEvent(2));
  t.deepEqual((await idsIn(outbox)).sort(), ['e1', 'e2']);
});

test('kinds and members of a newer silt stay as they are', async (t) => {
  const { directory, outbox } = await make(t, { most: 2 });
  const newer = { ...sampleEvent(1), kind: 'hibernated' as EventKind, temperature: 41 };
  await outbox.add(newer);
  for (const n of [2, 3]) await outbox.add(sampleEvent(n));
  t.deepEqual(
    (await openOutbox(directory).first(ALL)).map(({ event }) => event),
    [newer, sampleEvent(3)],
  );
});

test('progress is kept no oftener than asked, and nothing else is thinned out', async (t) => {
  let now = 0;
  const { outbox } = await make(t, { progressMs: 1000, now: () => new Date(now) });
  const add = async (n: number, kind: EventKind, at: number): Promise<void> => {
    now = at;
    await outbox.add(sampleEvent(n, kind));
  };
  await add(1, 'progress', 5000);
  await add(2, 'progress', 5999);
  await add(3, 'booted', 5999);
  await add(4, 'progress', 6000);
  // The clock was set back.
  await add(5, 'progress', 100);
  await add(6, 'progress', 200);
  t.deepEqual(await idsIn(outbox), ['e1', 'e3', 'e4', 'e5']);
  t.is((await outbox.waiting()).dropped, 0);
});

test('a message that is too long is cut, even where a character of two halves stands', async (t) => {
  const { outbox } = await make(t);
  const message = `${'\u0001'.repeat(MAX_MESSAGE - 1)}😀 and more`;
  await outbox.add(sampleEvent(1, 'failed', { message }));
  const [kept] = await outbox.first(ALL);
  t.is(kept?.event.message, `${'\u0001'.repeat(MAX_MESSAGE - 1)}\ufffd`);
});

test('what is no event is not kept', async (t) => {
  const { outbox } = await make(t);
  for (const changes of [{ id: 'a b' }, { counter: -1 }, { kind: '../x' as EventKind }, { version: '/' }]) {
    await throwsSilt(t, () => outbox.add(sampleEvent(1, 'booted', changes)), 'INTERNAL');
  }
  t.is((await outbox.waiting()).events, 0);
  await outbox.add(sampleEvent(1));
  t.deepEqual(await idsIn(outbox), ['e1']);
});

test('a state that is damaged counts as none', async (t) => {
  const { directory, outbox } = await make(t);
  await outbox.note((state) => ({ ...state, failures: 3, notBefore: 7 }));
  t.is((await outbox.waiting()).failures, 3);
  for (const text of ['', '{', '{"format":"silt-outbox-state","formatVersion":9}', 'x'.repeat(20_000)]) {
    await writeFile(join(directory, 'state.json'), text);
    t.is((await openOutbox(directory).waiting()).failures, 0, text.slice(0, 9));
  }
});
