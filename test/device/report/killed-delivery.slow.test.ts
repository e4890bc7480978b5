import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { deliverEvents } from '../../../src/device/report/deliver-events.ts';
import { openOutbox } from '../../../src/device/report/outbox.ts';
import { openHttpPost } from '../../../src/store/http-post.ts';
import { serveEvents } from '../../support/events-server.ts';
import { sampleEvent } from '../../support/sample-event.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const program = fileURLToPath(new URL('../../support/deliver-child.ts', import.meta.url));

test('a kill between the answer and letting go delivers the events twice, with the same ids', async (t) => {
  const directory = await temporaryDirectory(t);
  const outbox = openOutbox(directory);
  for (const n of [1, 2, 3]) await outbox.add(sampleEvent(n));
  const server = await serveEvents(t);
  const child = spawn(process.execPath, [program, directory, server.url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => void child.kill('SIGKILL'));
  const closed = once(child, 'close');
  t.is(String((await once(child.stdout, 'data'))[0]), 'answered\n');
  child.kill('SIGKILL');
  await closed;

  await outbox.add(sampleEvent(4));
  const post = openHttpPost(server.url);
  t.teardown(() => post.close());
  const report = await deliverEvents(openOutbox(directory), { post, device: { id: 'gw-1' } });
  t.like(report, { delivered: 4, waiting: 0 });
  t.deepEqual(server.taken, ['e1', 'e2', 'e3', 'e1', 'e2', 'e3', 'e4']);
});
