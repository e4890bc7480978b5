import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KiB } from '../../src/core/sizes.ts';
import type { PublishReport } from '../../src/publisher/publish-report.ts';
import type { RepositoryReport } from '../../src/publisher/verify-repository.ts';
import { memoryState } from '../../src/trust/tuf/metadata-state.ts';
import { openTufReleases } from '../../src/trust/tuf/tuf-releases.ts';
import { setAwsEnvironment } from '../support/aws-environment.ts';
import { createJsonCli } from '../support/json-cli.ts';
import { killedAt } from '../support/kill-at-request.ts';
import { rebuildImage } from '../support/rebuild-image.ts';
import { s3Environment, s3Test, startS3Bucket } from '../support/s3-bucket.ts';
import type { FrontRequest } from '../support/s3-front.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { throwsSilt } from '../support/throws-silt.ts';

setAwsEnvironment();

/** What a publish writes, in its order. */
const WRITES = [
  /^prune\/leases\.json$/,
  /^packs\//,
  /^indexes\//,
  /^targets\//,
  /^metadata\/\d+\.product-gateway\.json$/,
  /^metadata\/\d+\.snapshot\.json$/,
  /^metadata\/timestamp\.json$/,
];

s3Test(
  'a signed publish killed at any of its writes shows devices nothing, and the next one all of it',
  async (t) => {
    t.timeout(300_000);
    const bucket = await startS3Bucket(t);
    const { directory, json } = await createJsonCli(t, s3Environment(bucket.endpoint));
    const keys = join(directory, 'keys');
    const own = ['--repo', bucket.location, '--keys', keys];
    const path = join(directory, 'image');
    const publish = (version: string): string[] => {
      const release = ['--product', 'gateway', '--version', version, '--created', '2026-01-02T03:04:05Z'];
      return ['publish', path, ...own, ...release, '--compression', '1', '--workers', '1', '--bases', '1'];
    };
    await json(0, 'keys', 'init', keys, '--repo', bucket.location, '--product', 'gateway');
    const base = seededBytes('killed', 60 * KiB);
    await writeFile(path, base);
    await json(0, ...publish('1'));
    await writeFile(path, Buffer.concat([base.subarray(0, 30 * KiB), seededBytes('next', 60 * KiB)]));
    const factoryRoot = await readFile(join(keys, 'root.json'));
    const releases = () => openTufReleases({ store: bucket.store, state: memoryState(), factoryRoot });
    for (const begin of WRITES) {
      const isIt = ({ operation, key }: FrontRequest): boolean =>
        operation === 'PutObject' && begin.test(key);
      t.true(await killedAt(t, bucket, isIt, publish('2')), String(begin));
      t.is((await releases().find('gateway', { latest: true })).version, '1', String(begin));
      await throwsSilt(t, () => releases().find('gateway', { version: '2' }), 'RELEASE_NOT_FOUND');
    }
    t.false((await json<PublishReport>(0, ...publish('2'))).unchanged);
    for (const image of (await releases().find('gateway', { version: '2' })).images) {
      await rebuildImage(bucket.store, image);
    }
    const root = ['--root', join(keys, 'root.json')];
    const report = await json<RepositoryReport>(0, 'verify', '--repo', bucket.location, ...root);
    t.like(report, { releases: 2, damaged: [], unreferenced: 0 });
  },
);
