import test, { type ExecutionContext } from 'ava';
import { MiB } from '../../src/core/sizes.ts';
import { openReleases } from '../../src/trust/unsigned-releases.ts';
import { type PublishBench, publishBench } from '../support/publish-bench.ts';
import type { PublishAnswer } from '../support/publish-child.ts';
import { rebuildImage } from '../support/rebuild-image.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { startPublish } from '../support/start-publish.ts';

interface Job {
  readonly version: string;
  readonly image: string;
  readonly channel: string;
}

/** Two processes that both have read the catalog before either of them adds its release. */
async function publishBoth(t: ExecutionContext<unknown>, bench: PublishBench, jobs: readonly Job[]) {
  const running = jobs.map(({ version, image, channel }) =>
    startPublish(t, {
      repository: bench.repository,
      temporaryDirectory: bench.directory,
      version,
      channel,
      images: { rootfs: image },
      waitBeforeManifest: true,
    }),
  );
  t.deepEqual(await Promise.all(running.map(({ message }) => message())), ['ready', 'ready']);
  for (const { process } of running) process.send('go');
  return (await Promise.all(running.map(({ answer }) => answer))) as PublishAnswer[];
}

test('two publishers of different versions both succeed, one after the other', async (t) => {
  const bench = await publishBench(t);
  const shared = seededBytes('shared', MiB);
  const contents = ['2.0', '2.1'].map((name) => Buffer.concat([shared, seededBytes(name, MiB)]));
  await bench.publish('1.0', { rootfs: await bench.file('first', shared.subarray(0, MiB / 2)) });
  const answers = await publishBoth(t, bench, [
    { version: '2.0', image: await bench.file('a', contents[0]!), channel: 'stable' },
    { version: '2.1', image: await bench.file('b', contents[1]!), channel: 'canary' },
  ]);
  const counters = answers.map((answer) => ('counter' in answer ? answer.counter : answer.message));
  t.deepEqual(counters.toSorted(), [2, 3]);
  const releases = openReleases(bench.store);
  t.is((await releases.find('os', { channel: 'stable' })).version, '2.0');
  t.is((await releases.find('os', { channel: 'canary' })).version, '2.1');
  for (const version of ['1.0', '2.0', '2.1']) {
    const manifest = await releases.find('os', { version });
    await t.notThrowsAsync(rebuildImage(bench.store, manifest.images[0]!));
  }
});

test('of two publishers of one version with different images exactly one wins', async (t) => {
  const bench = await publishBench(t);
  const images = ['a', 'b'].map((name) => seededBytes(name, 300_000));
  const answers = await publishBoth(t, bench, [
    { version: '1', image: await bench.file('a', images[0]!), channel: 'a' },
    { version: '1', image: await bench.file('b', images[1]!), channel: 'b' },
  ]);
  const winner = answers.findIndex((answer) => 'counter' in answer);
  t.like(answers[winner], { unchanged: false, counter: 1 });
  t.like(answers[1 - winner], { code: 'RELEASE_EXISTS' });
  const manifest = await openReleases(bench.store).find('os', { channel: ['a', 'b'][winner]! });
  t.deepEqual(
    Buffer.from(await rebuildImage(bench.store, manifest.images[0]!)),
    Buffer.from(images[winner]!),
  );
});

test('two publishers of the very same release agree', async (t) => {
  const bench = await publishBench(t);
  const image = await bench.file('image', seededBytes('agreed', 300_000));
  const answers = await publishBoth(t, bench, [
    { version: '1', image, channel: 'a' },
    { version: '1', image, channel: 'b' },
  ]);
  const outcomes = answers.map((answer) => ('unchanged' in answer ? answer.unchanged : answer.message));
  t.deepEqual(outcomes.toSorted(), [false, true]);
  const releases = openReleases(bench.store);
  for (const channel of ['a', 'b']) {
    t.like(await releases.find('os', { channel }), { version: '1', counter: 1 });
  }
});
