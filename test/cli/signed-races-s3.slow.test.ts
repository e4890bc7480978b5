/**
 * Publishers and others who change a signed repository on a real S3 server, as processes, at the same moment.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { KiB } from '../../src/core/sizes.ts';
import type { RepositoryReport } from '../../src/publisher/verify-repository.ts';
import { memoryState } from '../../src/trust/tuf/metadata-state.ts';
import { openTufReleases } from '../../src/trust/tuf/tuf-releases.ts';
import { type AllAtOnce, allAtOnce } from '../support/all-at-once.ts';
import { setAwsEnvironment } from '../support/aws-environment.ts';
import { createJsonCli, type JsonCli } from '../support/json-cli.ts';
import { rebuildImage } from '../support/rebuild-image.ts';
import { s3Environment, s3Test, startS3Bucket } from '../support/s3-bucket.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

setAwsEnvironment();

interface Scene extends JsonCli {
  readonly keys: string;
  /** `--repo` and `--keys`. */
  readonly own: readonly string[];
  readonly race: AllAtOnce['run'];
  /** Arguments that publish an image of its own; `content` instead of the version's. */
  publish(version: string, content?: string): Promise<string[]>;
  /** Fails unless a device finds these versions, each whole, and `silt verify` nothing wrong. */
  requireWhole(...versions: string[]): Promise<void>;
  /** The version that a channel points to, for a device. */
  channel(name: string): Promise<string>;
}

/** A signed repository with releases 1 to 3; the channel stable points to 2. */
async function openScene(t: ExecutionContext<unknown>): Promise<Scene> {
  const bucket = await startS3Bucket(t);
  const cli = await createJsonCli(t, s3Environment(bucket.endpoint));
  const { run } = await allAtOnce(t, bucket);
  const keys = join(cli.directory, 'keys');
  const own = ['--repo', bucket.location, '--keys', keys];
  const publish = async (version: string, content = version): Promise<string[]> => {
    const path = join(cli.directory, `${content}.img`);
    await writeFile(path, Buffer.concat([seededBytes('base', 60 * KiB), seededBytes(content, 40 * KiB)]));
    const image = ['--image', `rootfs=${path}`, '--compression', '1', '--workers', '1'];
    return ['publish', ...own, '--product', 'gateway', '--version', version, ...image, '--json'];
  };
  await cli.json(0, 'keys', 'init', keys, '--repo', bucket.location, '--product', 'gateway');
  for (const version of ['1', '2', '3']) {
    const channel = version === '2' ? ['--channel', 'stable'] : [];
    await cli.run(...(await publish(version)), ...channel);
  }
  const root = join(keys, 'root.json');
  const factoryRoot = await readFile(root);
  const releases = () => openTufReleases({ store: bucket.store, state: memoryState(), factoryRoot });
  return {
    ...cli,
    keys,
    own,
    race: run,
    publish,
    async requireWhole(...versions) {
      const found = releases();
      for (const version of versions) {
        const { images } = await found.find('gateway', { version });
        for (const image of images) await rebuildImage(bucket.store, image);
      }
      const report = await cli.json<RepositoryReport>(0, 'verify', '--repo', bucket.location, '--root', root);
      t.deepEqual(report.damaged, []);
      t.true(report.releases >= versions.length);
    },
    channel: async (name) => (await releases().find('gateway', { channel: name })).version,
  };
}

s3Test('of two signed publishes of one version one wins, and the other is told', async (t) => {
  const { race, publish, requireWhole } = await openScene(t);
  const ends = await race({ one: await publish('4', 'one'), two: await publish('4', 'two') });
  const [won, lost] = Object.values(ends).sort((a, b) => Number(a.status) - Number(b.status));
  t.is(won?.status, 0, won?.stderr);
  t.is(lost?.status, 1);
  t.is(JSON.parse(lost?.stderr ?? '').error.code, 'RELEASE_EXISTS');
  await requireWhole('1', '2', '3', '4');
});

s3Test('two signed publishes of one version with the same image both end well', async (t) => {
  const { race, publish, requireWhole } = await openScene(t);
  const same = await publish('4');
  const ends = await race({ one: same, two: same });
  const reports = Object.values(ends).map(({ status, stdout, stderr }) => {
    t.is(status, 0, stderr);
    return JSON.parse(stdout) as { unchanged: boolean };
  });
  t.deepEqual(reports.map(({ unchanged }) => unchanged).sort(), [false, true]);
  await requireWhole('1', '2', '3', '4');
});

s3Test('publishes, a channel, a new timestamp and a prune at one moment: each change is made', async (t) => {
  t.timeout(240_000);
  const { race, publish, own, requireWhole, channel, fails } = await openScene(t);
  const ends = await race({
    four: await publish('4'),
    five: [...(await publish('5')), '--channel', 'beta'],
    channel: ['channel', 'canary', '3', ...own, '--product', 'gateway'],
    release: ['release', ...own],
    prune: ['prune', ...own, '--keep-last', '2'],
  });
  for (const [name, { status, stderr }] of Object.entries(ends)) t.is(status, 0, `${name}: ${stderr}`);
  await requireWhole('2', '3', '4', '5');
  t.is(await channel('stable'), '2');
  t.is(await channel('canary'), '3');
  t.is(await channel('beta'), '5');
  // It belongs to no channel.
  const inspect = ['inspect', '--product', 'gateway', '--version', '1', ...own.slice(0, 2)];
  const gone = await fails(10, ...inspect, '--root', join(own.at(-1) ?? '', 'root.json'));
  t.is(gone.code, 'RELEASE_NOT_FOUND');
});

s3Test('a publish beside changes of keys is made or refused, and nothing in between', async (t) => {
  t.timeout(240_000);
  const { race, publish, own, keys, requireWhole } = await openScene(t);
  const added = await race({
    publish: await publish('4'),
    add: ['keys', 'add', ...own, '--role', 'product:gateway', '--generate', join(keys, 'more.pem')],
    other: ['keys', 'add', ...own, '--role', 'product:app', '--generate', join(keys, 'app.pem')],
  });
  for (const [name, { status, stderr }] of Object.entries(added)) t.is(status, 0, `${name}: ${stderr}`);
  await requireWhole('1', '2', '3', '4');
  const { publish: late, rotate } = await race({
    publish: await publish('5'),
    rotate: ['keys', 'rotate', ...own, '--role', 'product:gateway'],
  });
  t.is(rotate?.status, 0, rotate?.stderr);
  // With the keys of before it is too late once others sign.
  if (late?.status !== 0) t.is(JSON.parse(late?.stderr ?? '').error.code, 'SIGNATURES_MISSING');
  await requireWhole('1', '2', '3', '4', ...(late?.status === 0 ? ['5'] : []));
});
