import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { SiltError } from '../../src/core/errors.ts';
import { MiB } from '../../src/core/sizes.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { openReleases } from '../../src/trust/unsigned-releases.ts';
import { type PublishBench, publishBench } from '../support/publish-bench.ts';
import { rebuildImage } from '../support/rebuild-image.ts';
import { dataKeys, repositoryObjects } from '../support/repository-objects.ts';
import { sampleData } from '../support/sample-data.ts';
import { seededBytes, seededRandom } from '../support/seeded-bytes.ts';
import { startPublish } from '../support/start-publish.ts';
import { throwsSilt } from '../support/throws-silt.ts';
import { withBeforePut } from '../support/with-before-put.ts';

interface Scene extends PublishBench {
  /** Of the second release, which is the one that is interrupted. */
  readonly images: Readonly<Record<string, string>>;
  /** The objects before it, and after it when nothing interrupts it. */
  readonly before: Record<string, string>;
  readonly after: Record<string, string>;
}

/** A repository with one release; the second stores two packs, two indexes, a manifest and the catalog. */
async function scene(t: ExecutionContext<unknown>): Promise<Scene> {
  const bench = await publishBench(t);
  const old = seededBytes('old', MiB);
  await bench.publish('1', { rootfs: await bench.file('old', old) }, { channel: 'stable' });
  const next = Buffer.concat([old, seededBytes('new', 17 * MiB)]);
  const images = {
    rootfs: await bench.file('rootfs', next),
    kernel: await bench.file('kernel', sampleData('text', 100_000)),
  };
  const undisturbed = join(bench.directory, 'undisturbed');
  await cp(bench.repository, undisturbed, { recursive: true });
  const store = await openDirectoryStore(undisturbed);
  await bench.publish('2', images, { channel: 'stable' }, store);
  return {
    ...bench,
    images,
    before: await repositoryObjects(bench.store),
    after: await repositoryObjects(store),
  };
}

/** Readers must see the first release and nothing of the second. */
async function requireOldState(t: ExecutionContext<unknown>, { store }: Scene): Promise<void> {
  const releases = openReleases(store);
  const { version, images } = await releases.find('os', { channel: 'stable' });
  t.is(version, '1');
  t.is((await releases.find('os', { latest: true })).version, '1');
  await throwsSilt(t, () => releases.find('os', { version: '2' }), 'RELEASE_NOT_FOUND');
  await t.notThrowsAsync(rebuildImage(store, images[0]!));
}

test('all data is stored before the manifest, and the catalog comes last', async (t) => {
  const bench = await publishBench(t);
  const order: string[] = [];
  const unfinished = new Set<string>();
  const slow = withBeforePut(bench.store, (key) => void order.push(key));
  const store = {
    ...slow,
    async putIfAbsent(...args: Parameters<typeof slow.putIfAbsent>) {
      if (args[0].startsWith('targets/')) t.is(unfinished.size, 0);
      unfinished.add(args[0]);
      const outcome = await slow.putIfAbsent(...args);
      unfinished.delete(args[0]);
      return outcome;
    },
  };
  const images = {
    a: await bench.file('a', seededBytes('order', 18 * MiB)),
    b: await bench.file('b', seededBytes('b', 9)),
  };
  await bench.publish('1', images, {}, store);
  const kinds = order.map((key) => key.split('/')[0]);
  t.deepEqual(kinds, ['packs', 'packs', 'indexes', 'indexes', 'targets', 'metadata']);
});

test('whichever write fails, readers see the old state and the next run sends only what is missing', async (t) => {
  const { before, after, images, ...bench } = await scene(t);
  const added = dataKeys(after).length - dataKeys(before).length;
  const puts = added + 2;
  t.is(puts, 6);
  for (let failing = 1; failing <= puts; failing++) {
    const repository = join(bench.directory, `failing-${failing}`);
    await cp(bench.repository, repository, { recursive: true });
    const store = await openDirectoryStore(repository);
    const faulty = withBeforePut(store, (key, ordinal) => {
      if (ordinal === failing) throw new SiltError('NO_SPACE', `no room for ${key}`);
    });
    const options = { channel: 'stable' };
    await throwsSilt(t, () => bench.publish('2', images, options, faulty), 'NO_SPACE');
    await requireOldState(t, { ...bench, store, repository, images, before, after });
    const stored = dataKeys(await repositoryObjects(store)).length - dataKeys(before).length;
    t.true(stored >= Math.min(failing - 1, added) && stored <= added, `${stored} after put ${failing}`);
    const report = await bench.publish('2', images, options, store);
    t.is(report.objectsUploaded, added - stored);
    t.deepEqual(await repositoryObjects(store), after);
  }
});

test('killed at any write, readers see the old state and the runs after it get to the same end', async (t) => {
  const whole = await scene(t);
  const random = seededRandom(4);
  const killed: string[] = [];
  // Each run goes on where the one before was killed, so a later write is among the first ones left.
  for (let run = 0; run < 7; run++) {
    const kill = { atPut: 1 + Math.floor(random() * 3), turns: Math.floor(random() ** 2 * 60) };
    const { answer } = startPublish(t, {
      repository: whole.repository,
      temporaryDirectory: whole.directory,
      version: '2',
      images: whole.images,
      channel: 'stable',
      kill,
    });
    const outcome = await answer;
    if (outcome !== undefined) {
      t.like(outcome, { unchanged: false, counter: 2 });
      break;
    }
    killed.push(`${kill.atPut}+${kill.turns}`);
    const objects = await repositoryObjects(whole.store);
    if (objects['metadata/timestamp.json'] === whole.after['metadata/timestamp.json']) break;
    await requireOldState(t, whole);
    for (const [key, digest] of Object.entries(objects))
      t.is(digest, { ...whole.after, ...whole.before }[key]!);
  }
  t.log(`killed at ${killed.join(', ')}`);
  t.true(killed.length >= 3, String(killed.length));
  await whole.publish('2', whole.images, { channel: 'stable' });
  t.deepEqual(await repositoryObjects(whole.store), whole.after);
});
