import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test from 'ava';
import { verdictOf } from '../../../src/device/report/answer-verdict.ts';
import { deliverEvents } from '../../../src/device/report/deliver-events.ts';
import { openOutbox } from '../../../src/device/report/outbox.ts';
import { openReporting } from '../../../src/device/report/reporting.ts';
import { openHttpPost } from '../../../src/store/http-post.ts';
import { type EventsDocument, serveEvents } from '../../support/events-server.ts';
import { sampleEvent } from '../../support/sample-event.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const textOf = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const guide = textOf('docs/guides/feedback.md');
const block = (language: string): string =>
  new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(guide)?.[1] ?? '';

test('the document of the guide is what a device sends', async (t) => {
  const example = JSON.parse(block('json')) as EventsDocument;
  t.is(example.events.length, 3);
  const server = await serveEvents(t);
  const outbox = openOutbox(await temporaryDirectory(t));
  for (const event of example.events) await outbox.add(event);
  const post = openHttpPost(server.url);
  t.teardown(() => post.close());
  await deliverEvents(outbox, { post, device: example.device });
  t.deepEqual(
    server.received.map(({ body }) => JSON.parse(body)),
    [example],
  );
});

test('the guide has every kind of event', (t) => {
  const kinds = [...(/^## Events$([\s\S]*?)^## /m.exec(guide)?.[1] ?? '').matchAll(/^\| `(\w+)` \|/gm)];
  const contract = textOf('src/device/report/event.ts');
  const declared = /export type EventKind =([^;]*);/.exec(contract)?.[1] ?? '';
  t.deepEqual(
    kinds.map(([, kind]) => kind),
    [...declared.matchAll(/'(\w+)'/g)].map(([, kind]) => kind),
  );
  t.is(kinds.length, 7);
});

test('each status does to the events what the guide says', (t) => {
  const does = { taken: 'taken', bad: 'bad', kept: 'later' } as const;
  const rows = [...guide.matchAll(/^\| (\d[^|]*) \| (taken|bad|kept) \|/gm)];
  t.is(rows.length, 4);
  const said = new Map<number, string>();
  for (const [, statuses = '', what] of rows) {
    for (const range of statuses.split(', ')) {
      const [first = 0, last = first] = range.split(' to ').map(Number);
      for (let status = first; status <= last; status++) said.set(status, does[what as keyof typeof does]);
    }
  }
  for (const [status, expected] of said) {
    t.is(verdictOf({ status, retryAfterMs: undefined }, 'there').is, expected as 'taken', String(status));
  }
  t.true(said.size > 300);
});

test('the receiver of the guide takes events once, and only with the token', async (t) => {
  const directory = await temporaryDirectory(t);
  const [program, tokenFile] = [join(directory, 'receiver.mjs'), join(directory, 'token')];
  await writeFile(program, block('js'));
  const child = spawn(process.execPath, [program], {
    env: { PORT: '0', TOKEN: 'abc' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => void child.kill('SIGKILL'));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const line = async (): Promise<string> => String((await lines.next()).value);
  const port = /^listening on (\d+)$/.exec(await line())?.[1];

  const feedback = { url: `http://127.0.0.1:${port}/events`, tokenFile, timeout: 30, progress: 60 };
  const device = { id: 'gw-1' };
  const reporting = openReporting({ directory: join(directory, 'outbox'), feedback, device });
  t.teardown(() => reporting.close());
  await reporting.outbox.add(sampleEvent(1, 'started'));
  await writeFile(tokenFile, 'abd\n');
  t.like(await reporting.deliver(), { delivered: 0, waiting: 1, problem: { code: 'STORE_REFUSED' } });
  await writeFile(tokenFile, 'abc\n');
  for (const events of [[1], [1, 2], [3]]) {
    for (const n of events) await reporting.outbox.add(sampleEvent(n, 'failed', { code: 'NO_SPACE' }));
    t.like(await reporting.deliver({ atOnce: true }), { waiting: 0 });
  }
  t.deepEqual(
    [await line(), await line(), await line()],
    ['gw-1 started 1.4.0 ', 'gw-1 failed 1.4.0 NO_SPACE', 'gw-1 failed 1.4.0 NO_SPACE'],
  );
});
