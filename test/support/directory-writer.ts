/**
 * A process of its own that works on a repository in a directory: `node directory-writer.ts DIRECTORY TASK`.
 * It sends one message when it has come to the place where the test kills it.
 *
 * @module
 */
import { join } from 'node:path';
import { isSiltError } from '../../src/core/errors.ts';
import { KiB } from '../../src/core/sizes.ts';
import { createExclusive } from '../../src/io/atomic.ts';
import { withLock } from '../../src/io/lock-file.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import type { Store } from '../../src/store/store.ts';

const [directory = '', task = ''] = process.argv.slice(2);
const store = await openDirectoryStore(directory);

/** Waits to be killed; the channel to the test keeps the process alive. */
async function announce(): Promise<void> {
  process.send?.('ready');
  process.on('message', () => {});
  await new Promise(() => {});
}

/** Adds one to a number, 25 times, repeating whenever the other process was faster. */
async function count(on: Store): Promise<void> {
  for (let done = 0; done < 25; ) {
    const found = await on.get('counter', { maxBytes: 100 });
    const next = Number(Buffer.from(found?.bytes ?? []).toString()) + 1;
    try {
      await on.putIfMatch('counter', Buffer.from(String(next)), found?.etag);
      done += 1;
    } catch (error) {
      if (!isSiltError(error, 'CONFLICT')) throw error;
    }
  }
}

async function* endless(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(64 * KiB);
  await announce();
}

switch (task) {
  case 'count':
    await count(store);
    break;
  case 'put-endless':
    await store.putIfAbsent('packs/other', new Uint8Array(1));
    await store.remove('packs/other');
    await createExclusive(join(directory, 'packs', 'endless'), endless());
    break;
  case 'hold-lock':
    await withLock(join(directory, '.silt-lock'), {}, announce);
    break;
  default:
    throw new Error(`no such task: ${task}`);
}
