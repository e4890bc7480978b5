/**
 * A delivery in a process of its own, so that it can be killed: `node deliver-child.ts DIRECTORY URL`. It tells
 * `answered` when the server has taken events and stops there, before it lets go of them.
 *
 * @module
 */
import { writeSync } from 'node:fs';
import { argv } from 'node:process';
import { deliverEvents } from '../../src/device/report/deliver-events.ts';
import { type EventOutbox, openOutbox } from '../../src/device/report/outbox.ts';
import { openHttpPost } from '../../src/store/http-post.ts';

const [directory = '', url = ''] = argv.slice(2);
const outbox = openOutbox(directory);
const stopping: EventOutbox = {
  add: (event) => outbox.add(event),
  waiting: () => outbox.waiting(),
  first: (limits) => outbox.first(limits),
  note: (change) => outbox.note(change),
  async remove() {
    writeSync(1, 'answered\n');
    // The kill ends this; the timer keeps the process until then.
    setInterval(() => {}, 60_000);
    await new Promise(() => {});
  },
};
await deliverEvents(stopping, { post: openHttpPost(url), device: { id: 'gw-1' } });
