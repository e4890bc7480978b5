import { appendFile, mkdir, open, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { KiB } from '../../src/core/sizes.ts';
import type { FetchReport } from '../../src/fetcher/fetch-report.ts';
import type { PublishReport } from '../../src/publisher/publish-report.ts';
import type { RepositoryReport } from '../../src/publisher/verify-repository.ts';
import { createJsonCli, type JsonCli } from '../support/json-cli.ts';
import { createCli } from '../support/run-cli.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

const SIZE = 600 * KiB;
const oldImage = seededBytes('cli old', SIZE);
const newImage = Buffer.concat([
  oldImage.subarray(0, 200 * KiB),
  seededBytes('cli new', 30 * KiB),
  oldImage.subarray(190 * KiB),
]);

const PRODUCT = ['--insecure', '--repo', 'repo', '--product', 'gateway'];

/** A command line with two releases of one image published, the second on the channel `stable`. */
async function openShop(t: ExecutionContext<unknown>): Promise<JsonCli> {
  const cli = await createJsonCli(t);
  const { json } = cli;
  await writeFile(join(cli.directory, 'old.img'), oldImage);
  await writeFile(join(cli.directory, 'new.img'), newImage);
  const publish = ['publish', ...PRODUCT, '--compression', '1', '--workers', '1'];
  const first = await json<PublishReport>(0, ...publish, '--version', '1', '--image', 'rootfs=old.img');
  t.is(first.newChunks, first.chunks);
  t.is(first.bytesRead, SIZE);
  const stable = ['--version', '2', '--image', 'rootfs=new.img', '--channel', 'stable'];
  const second = await json<PublishReport & { peakMemory: number }>(0, ...publish, ...stable);
  t.true(second.newBytes < 100 * KiB);
  t.true(second.peakMemory > 0);
  t.deepEqual(second.deltas, []);
  return cli;
}

const damage = async (path: string, at: number): Promise<void> => {
  const file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, at);
  await file.write(Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, at);
  await file.close();
};

test('what is published is fetched, and only what is missing', async (t) => {
  const { directory, json } = await openShop(t);
  const fetch = ['fetch', ...PRODUCT];
  const first = await json<FetchReport>(0, ...fetch, '--version', '1', '--output', 'a.img');
  t.deepEqual(await readFile(join(directory, 'a.img')), Buffer.from(oldImage));
  t.true(first.bytesFetched > SIZE);
  const update = [...fetch, '--channel', 'stable', '--seed', 'a.img', '--output', 'b.img'];
  const plan = await json<FetchReport>(0, ...update, '--dry-run');
  t.true(plan.dryRun);
  t.false((await readdir(directory)).some((name) => name.startsWith('b.img')));
  const second = await json<FetchReport & { peakMemory: number }>(0, ...update);
  t.deepEqual(await readFile(join(directory, 'b.img')), newImage);
  t.is(second.version, '2');
  t.is(second.bytesFetched, plan.bytesFetched);
  t.is(second.requests, plan.requests);
  t.true(second.bytesFetched < 100 * KiB);
  t.true(second.peakMemory > 0);
  for (const name of ['bytesFromSeeds', 'bytesFromDelta', 'bytesWritten', 'windows', 'seconds']) {
    t.true(name in second, name);
  }
});

test('inspect shows a repository, a release and every kind of file', async (t) => {
  const { directory, json, run } = await openShop(t);
  const { products } = await json<{ products: unknown }>(0, 'inspect', '--insecure', '--repo', 'repo');
  t.deepEqual(products, [
    {
      product: 'gateway',
      channels: { stable: '2' },
      releases: [
        { version: '1', counter: 1 },
        { version: '2', counter: 2 },
      ],
    },
  ]);
  const release = await json<Record<string, unknown>>(0, 'inspect', ...PRODUCT);
  t.like(release, {
    product: 'gateway',
    version: '2',
    images: [{ name: 'rootfs', imageSize: newImage.length }],
  });
  const kinds: string[] = [];
  for (const folder of ['packs', 'indexes', 'targets/gateway', 'metadata']) {
    for (const name of await readdir(join(directory, 'repo', folder))) {
      const { kind } = await json<{ kind: string }>(0, 'inspect', join('repo', folder, name));
      kinds.push(kind);
    }
  }
  t.deepEqual(kinds, ['pack', 'pack', 'index', 'index', 'manifest', 'manifest', 'catalog']);
  const human = await run('inspect', ...PRODUCT);
  t.regex(human.stdout, /^gateway 2 \(release 2, .*\)\nimage rootfs\n/);
});

test('inspect refuses a file that is none of silt', async (t) => {
  const { directory, run } = await createCli(t);
  await writeFile(join(directory, 'notes.json'), '{"a":1}');
  const { status, stderr } = await run('inspect', 'notes.json');
  t.is(status, 1);
  t.regex(stderr, /notes\.json: expected an index, a pack/);
});

test('verify finds the windows of a file that differ, and exits with 16', async (t) => {
  const { directory, json, run } = await openShop(t);
  const verify = ['verify', 'new.img', ...PRODUCT];
  const good = await json<{ badWindows: unknown[] }>(0, ...verify);
  t.deepEqual(good.badWindows, []);
  await damage(join(directory, 'new.img'), 300 * KiB);
  const bad = await json<{ badWindows: { offset: number; length: number }[] }>(16, ...verify);
  t.is(bad.badWindows.length, 1);
  const { offset, length } = bad.badWindows[0] ?? { offset: 0, length: 0 };
  t.true(offset <= 300 * KiB && offset + length > 300 * KiB);
  t.regex((await run(...verify)).stdout, /1 of \d+ windows differ/);
  t.is((await run(...verify, '--quiet')).stdout, '');
  await appendFile(join(directory, 'old.img'), 'more');
  const longer = await json<object>(16, 'verify', 'old.img', ...PRODUCT, '--version', '1');
  t.like(longer, { badWindows: [], extraBytes: 4 });
});

test('verify checks every object of a repository, and names what is damaged or missing', async (t) => {
  const { directory, json } = await openShop(t);
  const verify = ['verify', '--insecure', '--repo', 'repo'];
  const good = await json<RepositoryReport>(0, ...verify);
  t.like(good, { releases: 2, indexes: 2, packs: 2, unreferenced: 0, damaged: [] });
  const packs = (await readdir(join(directory, 'repo', 'packs'))).sort();
  const indexes = (await readdir(join(directory, 'repo', 'indexes'))).sort();
  await damage(join(directory, 'repo', 'packs', packs[0] ?? ''), 5000);
  await truncate(join(directory, 'repo', 'indexes', indexes[1] ?? ''), 700);
  const { damaged } = await json<RepositoryReport>(16, ...verify);
  t.deepEqual(
    damaged.map(({ key }) => key),
    [`indexes/${indexes[1]}`, `packs/${packs[0]}`],
  );
});

test('each failure has its exit status, and loses nothing', async (t) => {
  const { directory, fails } = await openShop(t);
  const fetch = ['fetch', ...PRODUCT, '--output', 'out.img'];
  await writeFile(join(directory, 'out.img'), 'precious');
  t.is((await fails(10, ...fetch, '--version', '9')).code, 'RELEASE_NOT_FOUND');
  t.is((await fails(10, ...fetch, '--product', 'toaster')).code, 'RELEASE_NOT_FOUND');
  t.is((await fails(10, ...fetch, '--image', 'kernel')).code, 'RELEASE_NOT_FOUND');
  t.is((await fails(10, 'inspect', ...PRODUCT, '--channel', 'beta')).code, 'RELEASE_NOT_FOUND');
  t.is((await fails(17, ...fetch, '--max-bytes', '10KiB')).code, 'OVER_BUDGET');
  t.is((await fails(17, ...fetch, '--max-requests', '2')).code, 'OVER_BUDGET');
  t.is((await fails(16, ...fetch, '--output', 'repo')).code, 'TARGET_INVALID');
  t.is((await fails(16, ...fetch, '--seed', 'missing.img')).code, 'SEED_INVALID');
  await mkdir(join(directory, 'empty'));
  const elsewhere = ['fetch', '--insecure', '--product', 'gateway', '--output', 'out.img', '--repo'];
  t.is((await fails(1, ...elsewhere, 'empty')).code, 'NOT_A_REPOSITORY');
  t.is((await fails(1, ...elsewhere, 'nowhere')).code, 'NOT_A_REPOSITORY');
  t.is((await fails(1, 'verify', '--insecure', '--repo', 'empty')).code, 'NOT_A_REPOSITORY');
  // Nobody listens on port 9 (discard) of the loopback interface.
  t.is((await fails(75, 'inspect', '--insecure', '--repo', 'http://127.0.0.1:9/')).code, 'NETWORK');
  t.is(await readFile(join(directory, 'out.img'), 'utf8'), 'precious');
});
