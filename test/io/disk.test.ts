import { closeSync, readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { createExclusive, makeDirectory, removeFile, replaceFile } from '../../src/io/atomic.ts';
import { type DiskOperation, observeDisk, openSync, writeSync } from '../../src/io/disk.ts';
import { isTemporaryName, sweepTemporaries, temporaryPath } from '../../src/io/temporary-name.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const src = fileURLToPath(new URL('../../src', import.meta.url));

/** Calls of `node:fs` that change a disk. */
const CHANGES =
  /\b(?:writeSync|writevSync|writeFile(?:Sync)?|appendFile(?:Sync)?|ftruncateSync|truncate(?:Sync)?|fsyncSync|fdatasync(?:Sync)?|rename(?:Sync)?|link(?:Sync)?|symlink(?:Sync)?|unlink(?:Sync)?|mkdir(?:Sync)?|mkdtemp(?:Sync)?|rm(?:Sync)?|rmdir(?:Sync)?|copyFile(?:Sync)?|cp(?:Sync)?)\b/;

/** The one file that makes the calls; and one that only syncs, which makes the model harsher than the disk. */
const UNHEARD: ReadonlySet<string> = new Set(['io/disk.ts', 'io/medium-digest.ts']);

test.serial('what fetch, the Floor, the trust state and the device side write goes through one file', (t) => {
  const writers = readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((path) => /^(device|fetcher|io|trust)\/.*\.ts$/.test(path) && !UNHEARD.has(path))
    .filter((path) => {
      const text = readFileSync(join(src, path), 'utf8');
      const imports = [...text.matchAll(/import\s+(?:type\s+)?([^;]*?)\s+from 'node:fs(?:\/promises)?';/g)];
      return imports.some(([, names = '']) => CHANGES.test(names));
    });
  t.deepEqual(writers, []);
});

test.serial('an observer hears of each call in its order, and of none when it has gone', async (t) => {
  const directory = await temporaryDirectory(t);
  const heard: string[] = [];
  const fds = new Set<number>();
  observeDisk((operation: DiskOperation) => {
    heard.push(operation.kind);
    if (operation.kind === 'open') fds.add(operation.fd);
    else if ('fd' in operation) t.true(fds.has(operation.fd));
  });
  try {
    await makeDirectory(join(directory, 'a', 'b'));
    await replaceFile(join(directory, 'a', 'b', 'c'), Buffer.from('bytes'));
    await createExclusive(join(directory, 'a', 'd'), Buffer.from('more'));
    await removeFile(join(directory, 'a', 'd'));
  } finally {
    observeDisk(undefined);
  }
  await removeFile(join(directory, 'a', 'b', 'c'));
  t.deepEqual(heard, [
    ...['sync-directory', 'mkdir', 'sync-directory', 'mkdir', 'sync-directory'],
    ...['open', 'write', 'sync', 'rename', 'sync-directory'],
    ...['open', 'write', 'sync', 'link', 'unlink', 'sync-directory'],
    ...['unlink', 'sync-directory'],
  ]);
});

test.serial('bytes go to their place', async (t) => {
  const path = join(await temporaryDirectory(t), 'file');
  const fd = openSync(path, 'w');
  writeSync(fd, Buffer.from('two'), 4);
  writeSync(fd, Buffer.from('one'), 0);
  closeSync(fd);
  t.is(await readFile(path, 'latin1'), 'one\0two');
});

test.serial(
  'temporary files of an earlier boot of this machine are cleared away, and no others',
  async (t) => {
    const directory = await temporaryDirectory(t);
    const ours = temporaryPath(join(directory, 'x'));
    const name = ours.slice(directory.length + 1);
    t.true(isTemporaryName(name));
    const digit = (at: number): string => (name[at] === 'f' ? 'e' : 'f');
    const ofBoot = `${name.slice(0, 10)}${digit(10)}${name.slice(11)}`;
    const ofHost = `${name.slice(0, 6)}${digit(6)}${name.slice(7)}`;
    for (const each of [name, ofBoot, ofHost, 'image', `${ofBoot}x`]) {
      await replaceFile(join(directory, each), Buffer.from('x'));
    }
    await sweepTemporaries(directory);
    t.deepEqual(readdirSync(directory).sort(), [name, ofHost, 'image', `${ofBoot}x`].sort());
    await t.notThrowsAsync(sweepTemporaries(join(directory, 'missing')));
  },
);
