import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { getuid } from 'node:process';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { SiltError } from '../../src/core/errors.ts';
import { MiB } from '../../src/core/sizes.ts';
import type { PublishOptions } from '../../src/publisher/publish.ts';
import { type PublishBench, publishBench } from '../support/publish-bench.ts';
import { repositoryObjects } from '../support/repository-objects.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { throwsSilt } from '../support/throws-silt.ts';
import { withBeforePut } from '../support/with-before-put.ts';

/** Holds a publish to failing with `code` and a message like `words`, with nothing stored. */
async function refuses(
  t: ExecutionContext<unknown>,
  bench: PublishBench,
  options: Partial<PublishOptions>,
  code: Parameters<typeof throwsSilt>[2],
  words: RegExp,
): Promise<void> {
  const error = await throwsSilt(t, () => bench.publish('1', {}, options), code);
  t.regex(error.message, words);
  t.deepEqual(await repositoryObjects(bench.store), {});
}

test('an image that is missing is named', async (t) => {
  const bench = await publishBench(t);
  const good = await bench.file('good', seededBytes('good', 1000));
  const images = [
    { name: 'a', path: good },
    { name: 'b', path: '/nowhere/at-all' },
  ];
  await refuses(t, bench, { images }, 'IMAGE_UNREADABLE', /\/nowhere\/at-all.*no such file/);
});

test('a directory is no image', async (t) => {
  const bench = await publishBench(t);
  const images = [{ name: 'a', path: bench.directory }];
  await refuses(t, bench, { images }, 'IMAGE_UNREADABLE', /found a directory/);
});

test('a pipe is no image, and nobody waits for its writer', async (t) => {
  const bench = await publishBench(t);
  const path = join(bench.directory, 'pipe');
  await promisify(execFile)('mkfifo', [path]);
  await refuses(t, bench, { images: [{ name: 'a', path }] }, 'IMAGE_UNREADABLE', /a file or a block device/);
});

const asRoot = getuid?.() === 0;
(asRoot ? test.skip : test)(`an image that may not be read${asRoot ? ' (root may)' : ''}`, async (t) => {
  const bench = await publishBench(t);
  const path = await bench.file('secret', seededBytes('secret', 1000));
  await chmod(path, 0);
  await refuses(t, bench, { images: [{ name: 'a', path }] }, 'IMAGE_UNREADABLE', /permission denied/);
});

const badNames = ['', '.hidden', '../up', 'a/b', 'a b', '-dash', 'ü', 'x'.repeat(129), 'a\n', '__proto__'];

for (const [what, options] of [
  ['product', (name: string) => ({ product: name })],
  ['version', (name: string) => ({ version: name })],
  ['channel', (name: string) => ({ channel: name })],
  ['image name', (name: string) => ({ images: [{ name, path: '/nowhere' }] })],
] as const) {
  test(`a bad ${what} is refused before anything is read`, async (t) => {
    const bench = await publishBench(t);
    for (const name of badNames) {
      const images = [{ name: 'a', path: '/nowhere' }];
      await refuses(
        t,
        bench,
        { images, ...options(name) },
        'USAGE',
        new RegExp(`expected a ${what} of 1 to`),
      );
    }
  });
}

test('names that objects have by themselves are names like any other', async (t) => {
  const bench = await publishBench(t);
  const path = await bench.file('image', seededBytes('names', 1000));
  for (const version of ['1', '2']) {
    const images = [
      { name: 'constructor', path },
      { name: 'toString', path },
    ];
    const report = await bench.publish(version, {}, { product: 'constructor', channel: 'prototype', images });
    t.is(report.manifest.counter, Number(version));
  }
});

test('two images of one name are refused', async (t) => {
  const bench = await publishBench(t);
  const path = await bench.file('image', seededBytes('twice', 1000));
  const images = [
    { name: 'a', path },
    { name: 'a', path: '/nowhere' },
  ];
  await refuses(t, bench, { images }, 'USAGE', /the same name/);
});

test('a release has one image at least and 256 at most', async (t) => {
  const bench = await publishBench(t);
  const path = await bench.file('image', seededBytes('many', 10));
  const many = Array.from({ length: 257 }, (_, i) => ({ name: `image-${i}`, path }));
  await refuses(t, bench, { images: [] }, 'USAGE', /1 to 256 images to publish, found 0/);
  await refuses(t, bench, { images: many }, 'USAGE', /1 to 256 images to publish, found 257/);
});

test('a store that is full ends the publish, and its temporary files', async (t) => {
  const bench = await publishBench(t);
  const path = await bench.file('image', seededBytes('full', MiB));
  const full = withBeforePut(bench.store, () => {
    throw new SiltError('NO_SPACE', 'the file system is full');
  });
  await throwsSilt(t, () => bench.publish('1', { a: path }, {}, full), 'NO_SPACE');
  t.deepEqual(await repositoryObjects(bench.store), {});
  t.deepEqual(await readdir(bench.directory), ['image', 'repository']);
});

test('a temporary directory that is missing is named', async (t) => {
  const bench = await publishBench(t);
  const images = [{ name: 'a', path: await bench.file('image', seededBytes('temporary', 10)) }];
  const temporaryDirectory = join(bench.directory, 'missing');
  await refuses(t, bench, { images, temporaryDirectory }, 'IO_FAILED', /temporary directory in .*missing/);
});

test('an image may be named by a link', async (t) => {
  const bench = await publishBench(t);
  const path = await bench.file('image', seededBytes('linked', 1000));
  await mkdir(join(bench.directory, 'links'));
  const link = join(bench.directory, 'links', 'image');
  await symlink(path, link);
  const report = await bench.publish('1', { a: link });
  t.is(report.manifest.images[0]?.size, 1000);
});
