/**
 * The IAM policy of docs/guides/ci.md, held to what commands ask of a real S3 server: a front lets through what the
 * policy allows and refuses the rest, as AWS would.
 */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { KiB, MiB } from '../../src/core/sizes.ts';
import type { PruneReport } from '../../src/publisher/prune/prune-report.ts';
import { setAwsEnvironment } from '../support/aws-environment.ts';
import { withFlips } from '../support/edited-image.ts';
import { actionOf, readIamPolicy } from '../support/iam-policy.ts';
import { createJsonCli, type JsonCli } from '../support/json-cli.ts';
import { type S3Bucket, s3Environment, s3Test, startS3Bucket } from '../support/s3-bucket.ts';
import type { FrontRequest } from '../support/s3-front.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { certify } from '../support/test-pki.ts';
import { throwsSilt } from '../support/throws-silt.ts';

setAwsEnvironment();

const DAY = 24 * 3_600_000;

const guide = readFileSync(new URL('../../docs/guides/ci.md', import.meta.url), 'utf8');
const policy = readIamPolicy(
  /^```json\n([\s\S]*?"Statement"[\s\S]*?)^```$/m.exec(guide)?.[1] ?? '',
  'BUCKET/updates/',
);

/** Folders that the guide says publishers write to. */
const folders = [...(/^It writes below (.*)$/m.exec(guide)?.[1] ?? '').matchAll(/`([a-z]+)\/`/g)].map(
  ([, name]) => name,
);

interface Scene {
  readonly operator: JsonCli;
  /** A command line that may do what the policy allows, and `more`. */
  role(...more: string[]): Promise<{ readonly cli: JsonCli; readonly done: FrontRequest[] }>;
  readonly own: readonly string[];
  readonly publish: (version: string) => Promise<string[]>;
  readonly bucket: S3Bucket;
}

async function openScene(t: ExecutionContext<unknown>): Promise<Scene> {
  const bucket = await startS3Bucket(t);
  const operator = await createJsonCli(t, s3Environment(bucket.endpoint));
  const { directory } = operator;
  const keys = join(directory, 'keys');
  const own = ['--repo', bucket.location, '--keys', keys];
  await operator.json(0, 'keys', 'init', keys, '--repo', bucket.location, '--product', 'gateway');
  return {
    operator,
    own,
    bucket,
    async role(...more) {
      const done: FrontRequest[] = [];
      const front = await bucket.front({
        refuse(request) {
          const isAllowed = policy.allows(request) || more.includes(actionOf(request));
          if (!isAllowed) return { status: 403, code: 'AccessDenied' };
          done.push(request);
          return undefined;
        },
      });
      return { cli: await createJsonCli(t, s3Environment(front.endpoint)), done };
    },
    async publish(version) {
      const image = seededBytes('iam', 100 * KiB);
      const path = join(directory, version);
      await writeFile(path, withFlips(image, 0, Number(version) * 10_000, 500));
      const release = ['--product', 'gateway', '--version', version, '--channel', 'stable'];
      return [
        'publish',
        '--image',
        `rootfs=${path}`,
        ...own,
        ...release,
        '--compression',
        '1',
        '--workers',
        '1',
      ];
    },
  };
}

test('the guide has the policy, and says where publishers write', (t) => {
  t.is(policy.actions.size, 6);
  t.false(policy.allows({ operation: 'DeleteObject', key: 'packs/a', app: undefined }));
  t.deepEqual(folders, ['packs', 'indexes', 'deltas', 'keys', 'targets', 'metadata', 'prune']);
});

s3Test(
  'the policy of the guide is enough for a role that publishes, and none of it is needless',
  async (t) => {
    t.timeout(240_000);
    const scene = await openScene(t);
    const { operator, role, own, publish } = scene;
    const { cli, done } = await role();
    await cli.json(0, ...(await publish('1')));
    await cli.json(0, ...(await publish('2')), '--bases', '1', '--report');
    await cli.json(0, 'channel', 'canary', '1', ...own, '--product', 'gateway');
    await cli.json(0, 'release', ...own);
    const file = join(operator.directory, 'app.pem');
    await cli.json(0, 'keys', 'add', ...own, '--role', 'product:app', '--generate', file);
    const root = join(own.at(-1) ?? '', 'root.json');
    await cli.json(0, 'verify', ...own.slice(0, 2), '--root', root, '--sample', '50%');
    const now = Date.now();
    const valid = { from: new Date(now - DAY), to: new Date(now + DAY) };
    const device = await certify({ ...valid, name: 'device', usage: ['keyAgreement'] });
    const [secret, recipient] = ['seal.json', 'recipient.pem'].map((name) => join(operator.directory, name));
    await operator.json(0, 'keys', 'seal', secret ?? '');
    await writeFile(recipient ?? '', device.certificate);
    await cli.json(0, ...(await publish('3')), '--seal', secret ?? '', '--recipient', recipient ?? '');

    const written = done
      .filter(({ operation }) => operation === 'PutObject')
      .map(({ key }) => key.split('/', 1)[0]);
    t.deepEqual([...new Set(written)].sort(), [...folders].sort());
    const used = new Set(done.map(actionOf));

    for (const request of await largeUploads(t, scene)) used.add(actionOf(request));
    t.deepEqual([...used].sort(), [...policy.actions].sort());
  },
);

/** What is larger than a pack goes up in parts: gone on with after the line was down, and taken back for good. */
async function largeUploads(
  t: ExecutionContext<unknown>,
  { bucket, operator }: Scene,
): Promise<FrontRequest[]> {
  const done: FrontRequest[] = [];
  let isDown = true;
  const front = await bucket.front({
    refuse(request) {
      if (!policy.allows(request)) return { status: 403, code: 'AccessDenied' };
      done.push(request);
      return isDown && request.operation === 'UploadPart' ? 'reset' : undefined;
    },
  });
  const store = bucket.storeAt(front.endpoint);
  const path = join(operator.directory, 'large');
  const bytes = seededBytes('large', 17 * MiB);
  await writeFile(path, bytes);
  const size = bytes.length;
  await throwsSilt(t, () => store.putIfAbsent('deltas/large', { path, size }), 'NETWORK');
  isDown = false;
  t.is(await store.putIfAbsent('deltas/large', { path, size }), 'created');
  await throwsSilt(t, () => store.putIfAbsent('deltas/short', { path, size: size + 1 }), 'IO_FAILED');
  return done;
}

s3Test('silt prune needs leave to delete besides', async (t) => {
  t.timeout(240_000);
  const { operator, role, own, publish } = await openScene(t);
  for (const version of ['1', '2']) await operator.json(0, ...(await publish(version)));
  const prune = ['prune', ...own, '--keep-last', '1', '--grace', '0s'];
  const publisher = await role();
  t.like(await publisher.cli.json<PruneReport>(0, ...prune), { removed: [{ version: '1' }] });
  t.is((await publisher.cli.fails(1, ...prune)).code, 'STORE_REFUSED');
  const pruner = await role('s3:DeleteObject');
  t.true((await pruner.cli.json<PruneReport>(0, ...prune)).deleted.objects > 0);
  t.true(pruner.done.some(({ operation }) => operation === 'DeleteObject'));
});
