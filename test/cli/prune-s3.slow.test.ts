/**
 * `silt prune` on a real S3 server, as processes: killed where it hurts, and beside a publish and a fetch.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { KiB } from '../../src/core/sizes.ts';
import type { PruneReport } from '../../src/publisher/prune/prune-report.ts';
import type { RepositoryReport } from '../../src/publisher/verify-repository.ts';
import { setAwsEnvironment } from '../support/aws-environment.ts';
import { createJsonCli, type JsonCli } from '../support/json-cli.ts';
import { killedAt } from '../support/kill-at-request.ts';
import { type CliResult, resultOf } from '../support/run-cli.ts';
import { type S3Bucket, s3Environment, s3Test, startS3Bucket } from '../support/s3-bucket.ts';
import type { FrontRequest, S3FrontOptions } from '../support/s3-front.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

setAwsEnvironment();

/** What the images have in common. */
const BASE = seededBytes('prune s3', 60 * KiB);
const image = (version: string): Buffer => Buffer.concat([seededBytes(version, 60 * KiB), BASE]);

interface Shop extends JsonCli {
  readonly bucket: S3Bucket;
  readonly own: readonly string[];
  /** Another command line, by way of a front before the server. */
  through(refuse: S3FrontOptions['refuse']): Promise<JsonCli>;
  publish(version: string): Promise<string[]>;
  fetch(version: string, output: string): string[];
  /** Fails unless `silt verify` finds nothing wrong and each of these can be fetched. */
  requireWhole(...versions: string[]): Promise<void>;
}

/** A signed repository with releases 1 to 4, each with a delta from the one before. */
async function openShop(t: ExecutionContext<unknown>): Promise<Shop> {
  const bucket = await startS3Bucket(t);
  const cli = await createJsonCli(t, s3Environment(bucket.endpoint));
  const keys = join(cli.directory, 'keys');
  const root = join(keys, 'root.json');
  const own = ['--repo', bucket.location, '--keys', keys];
  const publish = async (version: string): Promise<string[]> => {
    const path = join(cli.directory, `${version}.img`);
    await writeFile(path, image(version));
    const options = ['--product', 'gateway', '--version', version, '--bases', '1', '--workers', '1'];
    return ['publish', '--image', `rootfs=${path}`, ...own, ...options, '--compression', '1'];
  };
  const fetch = (version: string, output: string): string[] => {
    const release = ['--product', 'gateway', '--version', version];
    return ['fetch', '--repo', bucket.location, '--root', root, ...release, '--output', output];
  };
  await cli.json(0, 'keys', 'init', keys, '--repo', bucket.location, '--product', 'gateway');
  for (const version of ['1', '2', '3', '4']) await cli.json(0, ...(await publish(version)));
  let fetched = 0;
  return {
    ...cli,
    bucket,
    own,
    through: async (refuse) => {
      const front = await bucket.front(refuse && { refuse });
      return await createJsonCli(t, s3Environment(front.endpoint));
    },
    publish,
    fetch,
    async requireWhole(...versions) {
      const report = await cli.json<RepositoryReport>(0, 'verify', '--repo', bucket.location, '--root', root);
      t.like(report, { damaged: [], releases: versions.length });
      for (const version of versions) {
        fetched += 1;
        const output = join(cli.directory, `fetched-${fetched}`);
        await cli.json(0, ...fetch(version, output));
        t.true((await readFile(output)).equals(image(version)));
      }
    },
  };
}

s3Test('a prune that is killed leaves every kept release whole, and the next one goes on', async (t) => {
  t.timeout(300_000);
  const shop = await openShop(t);
  const { bucket, own, json, publish, requireWhole } = shop;
  const prune = ['prune', ...own, '--keep-last', '2', '--grace', '0s'];
  const isPut = (begin: string) => (asked: FrontRequest) =>
    asked.operation === 'PutObject' && asked.key.startsWith(begin);
  t.true(await killedAt(t, bucket, isPut('metadata/timestamp.json'), prune));
  await requireWhole('1', '2', '3', '4');
  t.true(await killedAt(t, bucket, isPut('prune/record.json'), prune));
  // Whichever comes first, the record or the metadata: what is listed is whole.
  const marking = await json<PruneReport>(0, ...prune);
  t.is(marking.deleted.objects, 0);
  await requireWhole('3', '4');
  let deletes = 0;
  const isThird = ({ operation }: FrontRequest): boolean => {
    if (operation === 'DeleteObject') deletes += 1;
    return deletes === 3;
  };
  t.true(await killedAt(t, bucket, isThird, prune));
  await requireWhole('3', '4');
  // It waits until it is clear that nobody is deleting any more, which takes a minute.
  await json(0, ...(await publish('5')));
  await requireWhole('3', '4', '5');
  const last = await json<PruneReport>(0, ...prune, '--keep-last', '3');
  t.is(last.removed.length, 0);
  t.true(last.deleted.objects > 0);
  await requireWhole('3', '4', '5');
});

s3Test('a prune beside a publish and a fetch deletes nothing that they need', async (t) => {
  t.timeout(110_000);
  const shop = await openShop(t);
  const { directory, own, json, publish, fetch, requireWhole } = shop;
  const prune = ['prune', ...own, '--keep-last', '2', '--grace', '0s'];
  const all = await shop.json<PruneReport>(0, ...prune, '--keep-last', '3');
  t.true(all.marked.objects > 0);

  // Each has got to its objects, and is held there while others prune.
  const running = async (
    args: readonly string[],
    isIt: (request: FrontRequest) => boolean,
  ): Promise<{ goOn: () => Promise<CliResult> }> => {
    const reached = Promise.withResolvers<void>();
    const released = Promise.withResolvers<undefined>();
    const { start } = await shop.through((request) => {
      if (!isIt(request)) return undefined;
      reached.resolve();
      return released.promise;
    });
    const ended = resultOf(start(...args));
    await Promise.race([reached.promise, ended.then(({ stderr }) => Promise.reject(new Error(stderr)))]);
    const goOn = async (): Promise<CliResult> => {
      released.resolve(undefined);
      return await ended;
    };
    return { goOn };
  };
  const output = join(directory, 'fetched');
  // Of release 2 with the one before on the device, which goes out of the metadata meanwhile.
  const seed = ['--seed', join(directory, '1.img')];
  const isPack = ({ operation, key }: FrontRequest): boolean =>
    operation === 'GetObject' && /^(packs|deltas)\//.test(key);
  const fetching = await running([...fetch('2', output), ...seed], isPack);
  const isManifest = ({ operation, key }: FrontRequest): boolean =>
    operation === 'PutObject' && key.startsWith('targets/');
  const publishing = await running(await publish('5'), isManifest);

  for (const removed of [1, 0]) {
    const report = await json<PruneReport>(0, ...prune);
    t.is(report.removed.length, removed);
    t.is(report.deleted.objects, 0);
    t.is(report.waitingFor.length, 1);
  }
  const fetched = await fetching.goOn();
  t.is(fetched.status, 0, fetched.stderr);
  t.true((await readFile(output)).equals(image('2')));
  const published = await publishing.goOn();
  t.is(published.status, 0, published.stderr);
  await requireWhole('3', '4', '5');
  const after = await json<PruneReport>(0, ...prune, '--keep-last', '3');
  t.true(after.deleted.objects > 0);
  await requireWhole('3', '4', '5');
});
