/**
 * The guide to publishing to S3, run as it stands but for endpoint and keys, against a real server.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { KiB } from '../../src/core/sizes.ts';
import type { PublishReport } from '../../src/publisher/publish-report.ts';
import { clearAwsEnvironment, TEST_CREDENTIALS } from '../support/aws-environment.ts';
import { withFlips } from '../support/edited-image.ts';
import { runGuide, scriptOfGuide } from '../support/run-guide.ts';
import { findVersitygw, startS3Server } from '../support/s3-server.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

clearAwsEnvironment();

test('the guide to publishing to S3 works as it stands', async (t) => {
  const script = scriptOfGuide('publish-s3.md');
  t.is([...script.matchAll(/\bsilt (publish|verify|fetch|keys) /g)].length, 8);
  const program = findVersitygw(process.env);
  if (program === undefined) {
    const reason = 'no versitygw: run scripts/provision-versitygw.sh; until then the guide is not run';
    t.falsy(process.env.CI, reason);
    t.log(reason);
    return;
  }
  const server = await startS3Server(program);
  t.teardown(() => server.close());
  await server.makeBucket('updates');
  const ours = script
    .replace('https://s3.example.com', server.endpoint)
    .replace('=KEY ', `=${TEST_CREDENTIALS.accessKeyId} `)
    .replace('=SECRET', `=${TEST_CREDENTIALS.secretAccessKey}`);
  const image = seededBytes('guide', 600 * KiB);
  const work = await runGuide(t, ours, {
    'rootfs.ext4': image,
    'rootfs-new.ext4': withFlips(image, 0, image.length, 5000),
  });
  const report = JSON.parse(await readFile(join(work, 'report.json'), 'utf8')) as PublishReport;
  t.is(report.deltasKept, 1);
});
