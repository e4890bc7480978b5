import { readdir, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { withLock } from '../../src/io/lock-file.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const TOKEN = '00000000-0000-4000-8000-000000000000';

/** The lock of a process that ended long ago: this number, but begun at another time. */
function deadOwner(host = hostname()): string {
  return JSON.stringify({ token: TOKEN, host, pid: process.pid, started: 'another boot/1' });
}

test('holders follow one another and leave nothing behind', async (t) => {
  const directory = await temporaryDirectory(t);
  let inside = 0;
  let most = 0;
  const hold = async (): Promise<void> => {
    inside += 1;
    most = Math.max(most, inside);
    await readdir(directory);
    inside -= 1;
  };
  await Promise.all(Array.from({ length: 10 }, () => withLock(join(directory, 'lock'), {}, hold)));
  t.is(most, 1);
  t.deepEqual(await readdir(directory), []);
});

test('the lock is given back when its holder fails', async (t) => {
  const path = join(await temporaryDirectory(t), 'lock');
  const failing = withLock(path, {}, async () => {
    throw new Error('no luck');
  });
  await t.throwsAsync(failing, { message: 'no luck' });
  t.is(await withLock(path, { waitMs: 0 }, async () => 'free'), 'free');
});

test('a held lock is waited for no longer than allowed, and its owner named', async (t) => {
  const path = join(await temporaryDirectory(t), 'lock');
  const waits: number[] = [];
  const sleep = async (ms: number): Promise<void> => void waits.push(ms);
  await withLock(path, {}, async () => {
    const error = await throwsSilt(t, () => withLock(path, { waitMs: 100, sleep }, async () => {}), 'LOCKED');
    t.is(error.details.pid, process.pid);
    t.true(error.message.includes(path));
  });
  t.is(
    waits.reduce((sum, ms) => sum + ms, 0),
    100,
  );
});

test('the lock of a process that no longer runs is taken over by one of many', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'lock');
  await writeFile(path, deadOwner());
  let inside = 0;
  const hold = async (): Promise<void> => {
    inside += 1;
    t.is(inside, 1);
    await readdir(directory);
    inside -= 1;
  };
  await Promise.all(Array.from({ length: 8 }, () => withLock(path, {}, hold)));
  t.deepEqual(await readdir(directory), []);
});

test('a take-over that died itself is taken over', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'lock');
  await writeFile(path, deadOwner());
  await writeFile(`${path}.${TOKEN}`, deadOwner().replace('-8000-', '-8001-'));
  t.is(await withLock(path, {}, async () => 'mine'), 'mine');
  t.deepEqual(await readdir(directory), []);
});

test('the lock of another machine is respected whatever runs here', async (t) => {
  const path = join(await temporaryDirectory(t), 'lock');
  await writeFile(path, deadOwner('another-machine'));
  const error = await throwsSilt(t, () => withLock(path, { waitMs: 0 }, async () => {}), 'LOCKED');
  t.is(error.details.host, 'another-machine');
});

test('a file that is no lock is left alone', async (t) => {
  const path = join(await temporaryDirectory(t), 'lock');
  await writeFile(path, 'dear diary');
  await throwsSilt(t, () => withLock(path, { waitMs: 0 }, async () => {}), 'LOCKED');
});

test('waiting for a lock can be aborted', async (t) => {
  const path = join(await temporaryDirectory(t), 'lock');
  const reason = new Error('enough');
  const controller = new AbortController();
  await withLock(path, {}, async () => {
    const waiting = withLock(path, { signal: controller.signal }, async () => {});
    controller.abort(reason);
    t.is(await t.throwsAsync(waiting), reason);
  });
});
