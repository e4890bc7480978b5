import { readdir } from 'node:fs/promises';
import test from 'ava';
import { SiltError } from '../../src/core/errors.ts';
import { MiB } from '../../src/core/sizes.ts';
import { openReleases } from '../../src/trust/unsigned-releases.ts';
import { type PublishBench, publishBench } from '../support/publish-bench.ts';
import { repositoryObjects } from '../support/repository-objects.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { startPublish } from '../support/start-publish.ts';
import { throwsSilt } from '../support/throws-silt.ts';
import { withBeforePut } from '../support/with-before-put.ts';

/** When to press Ctrl-C. */
const moments: Readonly<
  Record<string, (bench: PublishBench, image: string, abort: AbortController) => Promise<unknown>>
> = {
  'before it begins': (bench, image, abort) => {
    abort.abort(reason);
    return bench.publish('1', { a: image }, { signal: abort.signal });
  },
  'while images are read': (bench, image, abort) => {
    const onProgress = () => abort.abort(reason);
    return bench.publish('1', { a: image }, { signal: abort.signal, onProgress, workers: 2 });
  },
  'while packs are stored': (bench, image, abort) => {
    const store = withBeforePut(bench.store, () => abort.abort(reason));
    return bench.publish('1', { a: image }, { signal: abort.signal }, store);
  },
  'while indexes are stored': (bench, image, abort) => {
    const store = withBeforePut(bench.store, (key) => {
      if (key.startsWith('indexes/')) abort.abort(reason);
    });
    return bench.publish('1', { a: image }, { signal: abort.signal }, store);
  },
};

const reason = new SiltError('INTERRUPTED', 'stopped by Ctrl-C');

for (const [moment, run] of Object.entries(moments)) {
  test(`a publish aborted ${moment} throws the reason and leaves nothing behind`, async (t) => {
    const bench = await publishBench(t);
    const image = await bench.file('image', seededBytes('aborted', 20 * MiB));
    const error = await throwsSilt(t, () => run(bench, image, new AbortController()), 'INTERRUPTED');
    t.is(error, reason);
    t.deepEqual(await readdir(bench.directory), ['image', 'repository'], 'no temporary files stay');
    const keys = Object.keys(await repositoryObjects(bench.store));
    t.true(
      keys.every((key) => /^(packs|indexes)\//.test(key)),
      keys.join(),
    );
    // All that it did must be over: what comes later would be seen here or keep this process alive.
    const { manifest } = await bench.publish('1', { a: image });
    t.deepEqual(await openReleases(bench.store).find('os', { latest: true }), manifest);
  });
}

test('a process whose publish was aborted has nothing left to do', async (t) => {
  const bench = await publishBench(t);
  const image = await bench.file('image', seededBytes('exit', 40 * MiB));
  const { answer } = startPublish(t, {
    repository: bench.repository,
    temporaryDirectory: bench.directory,
    version: '1',
    images: { a: image },
    workers: 2,
    abortAtPut: 1,
  });
  // It ends by itself, or this waits for ever.
  t.like(await answer, { code: 'INTERRUPTED' });
  t.deepEqual(await readdir(bench.directory), ['image', 'repository']);
});

test('an abort after the release is visible comes too late', async (t) => {
  const bench = await publishBench(t);
  const image = await bench.file('image', seededBytes('late', 1000));
  const abort = new AbortController();
  const store = withBeforePut(bench.store, (key) => {
    if (key.startsWith('metadata/')) abort.abort(reason);
  });
  const { manifest } = await bench.publish('1', { a: image }, { signal: abort.signal }, store);
  t.deepEqual(await openReleases(bench.store).find('os', { version: '1' }), manifest);
});
