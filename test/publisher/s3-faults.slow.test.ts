import { KiB } from '../../src/core/sizes.ts';
import type { PublishOptions } from '../../src/publisher/publish.ts';
import type { PublishReport } from '../../src/publisher/publish-report.ts';
import type { Store } from '../../src/store/store.ts';
import { setAwsEnvironment } from '../support/aws-environment.ts';
import { collect } from '../support/collect.ts';
import { withFlips } from '../support/edited-image.ts';
import { type PublishBench, publishBench } from '../support/publish-bench.ts';
import { dataKeys, repositoryObjects } from '../support/repository-objects.ts';
import { s3Test, startS3Bucket } from '../support/s3-bucket.ts';
import type { Disturbance } from '../support/scripted-s3.ts';
import { seededBytes, seededRandom } from '../support/seeded-bytes.ts';

setAwsEnvironment();

const IMAGES = 100;

/** Two releases of many images: an index for each, and in the second a delta for each. */
async function publishAll({ file, publish }: PublishBench, store: Store): Promise<PublishReport[]> {
  const reports: PublishReport[] = [];
  for (const version of ['1', '2']) {
    const images: Record<string, string> = {};
    for (let at = 0; at < IMAGES; at += 1) {
      const first = seededBytes(`image ${at}`, 8 * KiB);
      const bytes = version === '1' ? first : withFlips(first, 0, first.length, 3000);
      images[`image-${at}`] = await file(`${version}-${at}`, bytes);
    }
    const options: Partial<PublishOptions> = { bases: { last: 1 } };
    reports.push(await publish(version, images, options, store));
  }
  return reports;
}

s3Test('hundreds of objects come to a real server though one request in ten fails', async (t) => {
  t.timeout(240_000);
  const [calm, rough] = await Promise.all([startS3Bucket(t), startS3Bucket(t)]);
  const troubles: readonly Disturbance[] = [
    { status: 503, code: 'SlowDown' },
    { status: 503, code: 'ServiceUnavailable' },
    { status: 500, code: 'InternalError' },
    { status: 429, code: 'TooManyRequests' },
    'reset',
    'lost',
  ];
  const random = seededRandom(11);
  let refused = 0;
  const front = await rough.front({
    refuse() {
      if (random() >= 0.1) return undefined;
      refused += 1;
      return troubles[Math.floor(random() * troubles.length)];
    },
  });
  const bench = await publishBench(t);
  const expected = await publishAll(bench, calm.store);
  const reports = await publishAll(bench, rough.storeAt(front.endpoint));
  const objects = await repositoryObjects(rough.store);
  t.deepEqual(objects, await repositoryObjects(calm.store));
  const keys = dataKeys(objects);
  t.true(keys.length > 2 * IMAGES, String(keys.length));
  t.true(refused > keys.length / 10, `${refused} refused`);
  t.log(`${keys.length} objects, ${front.log.length} requests, ${refused} refused`);
  const counts = (all: readonly PublishReport[]) =>
    all.map(({ objectsUploaded, bytesUploaded }) => ({ objectsUploaded, bytesUploaded }));
  t.deepEqual(counts(reports), counts(expected));
  const listed = (await collect(rough.store.list(''))).filter(({ key }) => keys.includes(key));
  t.is(
    reports.reduce((sum, { bytesUploaded }) => sum + bytesUploaded, 0),
    listed.reduce((sum, { size }) => sum + size, 0),
  );
});
