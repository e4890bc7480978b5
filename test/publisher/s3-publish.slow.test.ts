/**
 * Publishers as processes of their own, against a real S3 server: killed at every stage, and racing.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { MiB } from '../../src/core/sizes.ts';
import { openS3Store } from '../../src/store/s3.ts';
import type { Store } from '../../src/store/store.ts';
import { openLedger, openReleases } from '../../src/trust/unsigned-releases.ts';
import { setAwsEnvironment } from '../support/aws-environment.ts';
import { collect } from '../support/collect.ts';
import { type PublishBench, publishBench } from '../support/publish-bench.ts';
import { rebuildImage } from '../support/rebuild-image.ts';
import { dataKeys, repositoryObjects } from '../support/repository-objects.ts';
import { findVersitygw, type S3Server, startS3Server } from '../support/s3-server.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { startPublish } from '../support/start-publish.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const program = findVersitygw(process.env);
const real = program === undefined ? test.skip : test.serial;
let server: S3Server | undefined;
let buckets = 0;

setAwsEnvironment();

test.before(async () => {
  if (program === undefined) return;
  server = await startS3Server(program);
  // For the processes that are started.
  process.env.AWS_ENDPOINT_URL_S3 = server.endpoint;
  process.env.SILT_S3_PATH_STYLE = '1';
});

test.after.always(async () => {
  await server?.close();
});

test('publishing to S3 is tested against a real server', (t) => {
  if (program === undefined) {
    const reason =
      'no versitygw: run scripts/provision-versitygw.sh; until then publishing to S3 is not tested';
    t.falsy(process.env.CI, reason);
    t.log(reason);
  }
  t.pass();
});

async function bucket(
  t: ExecutionContext<unknown>,
): Promise<{ store: Store; repository: string; bench: PublishBench }> {
  if (server === undefined) throw new Error('there is no S3 server');
  buckets += 1;
  const name = `publish-${buckets}`;
  await server.makeBucket(name);
  const { endpoint } = server;
  const store = openS3Store({ bucket: name, prefix: 'gateway', endpoint, forcePathStyle: true });
  t.teardown(() => store.close());
  return { store, repository: `s3://${name}/gateway`, bench: await publishBench(t) };
}

/** Writes an image; gives its path. */
async function image({ directory }: PublishBench, name: string, bytes: Uint8Array): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, bytes);
  return path;
}

real(
  'killed at every write, readers see the release or what was before, and the next run gets there',
  async (t) => {
    const { store, repository, bench } = await bucket(t);
    const old = seededBytes('old', MiB);
    await bench.publish('1', { rootfs: await image(bench, 'old', old) }, {}, store);
    const before = await repositoryObjects(store);
    const next = { rootfs: await image(bench, 'next', Buffer.concat([old, seededBytes('next', 17 * MiB)])) };
    const undisturbed = await bucket(t);
    await bench.publish('1', { rootfs: join(bench.directory, 'old') }, {}, undisturbed.store);
    await bench.publish('2', next, {}, undisturbed.store);
    const after = await repositoryObjects(undisturbed.store);
    const killed: string[] = [];
    // Two packs, an index, the manifest, the catalog; each run goes on where the one before was killed.
    for (const kill of [
      { atPut: 1, turns: 0 },
      { atPut: 2, turns: 30 },
      { atPut: 2, turns: 0 },
      { atPut: 2, turns: 10 },
    ]) {
      const task = { repository, temporaryDirectory: bench.directory, version: '2', images: next, kill };
      if ((await startPublish(t, task).answer) !== undefined) break;
      const objects = await repositoryObjects(store);
      killed.push(`${Object.keys(objects).length} objects`);
      for (const [key, digest] of Object.entries(objects)) {
        t.true([before[key], after[key]].includes(digest), key);
      }
      if (objects['metadata/timestamp.json'] === after['metadata/timestamp.json']) break;
      t.is((await openReleases(store).find('os', { latest: true })).version, '1');
      await throwsSilt(t, () => openReleases(store).find('os', { version: '2' }), 'RELEASE_NOT_FOUND');
    }
    t.log(`killed with ${killed.join(', ')}`);
    t.true(killed.length >= 2);
    const held = dataKeys(await repositoryObjects(store)).length;
    const report = await bench.publish('2', next, {}, store);
    t.is(report.objectsUploaded, dataKeys(after).length - held);
    t.deepEqual(await repositoryObjects(store), after);
  },
);

real('the report counts what the server has got', async (t) => {
  const { store, bench } = await bucket(t);
  const images = { rootfs: await image(bench, 'image', seededBytes('counted', 20 * MiB)) };
  const report = await bench.publish('1', images, {}, store);
  const listed = (await collect(store.list(''))).filter(({ key }) => /^(packs|indexes|deltas)\//.test(key));
  t.is(report.objectsUploaded, listed.length);
  t.is(
    report.bytesUploaded,
    listed.reduce((sum, { size }) => sum + size, 0),
  );
});

real('of two publishers of one version with other images one publishes, and the other is told', async (t) => {
  const { store, repository, bench } = await bucket(t);
  const tasks = await Promise.all(
    ['one', 'two'].map(async (name) => ({
      repository,
      temporaryDirectory: bench.directory,
      version: '1',
      images: { rootfs: await image(bench, name, seededBytes(name, MiB)) },
      waitBeforeManifest: true,
    })),
  );
  const racers = tasks.map((task) => startPublish(t, task));
  // Both have seen that the version is free.
  await Promise.all(racers.map(({ message }) => message()));
  for (const racer of racers) racer.process.send('go');
  const answers = await Promise.all(racers.map(({ answer }) => answer));
  t.deepEqual(answers.map((answer) => (answer && 'code' in answer ? answer.code : 'published')).sort(), [
    'RELEASE_EXISTS',
    'published',
  ]);
  const [manifest, ...others] = await collect(openLedger(store).all());
  t.deepEqual(others, []);
  await rebuildImage(store, manifest!.images[0]!);
});

real('publishers of several versions at once all publish, one after another', async (t) => {
  const { store, repository, bench } = await bucket(t);
  const versions = ['1', '2', '3'];
  const racers = await Promise.all(
    versions.map(async (version) => {
      const images = { rootfs: await image(bench, version, seededBytes(version, MiB)) };
      const options = { repository, temporaryDirectory: bench.directory, version, images };
      return startPublish(t, { ...options, waitBeforeManifest: true });
    }),
  );
  await Promise.all(racers.map(({ message }) => message()));
  for (const racer of racers) racer.process.send('go');
  for (const { answer } of racers) t.like(await answer, { unchanged: false });
  const manifests = await collect(openLedger(store).all());
  t.deepEqual(manifests.map(({ version }) => version).sort(), versions);
  t.deepEqual(manifests.map(({ counter }) => counter).sort(), [1, 2, 3]);
  for (const { images } of manifests) await rebuildImage(store, images[0]!);
});
