import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { KiB, MiB } from '../../src/core/sizes.ts';
import type { PruneReport } from '../../src/publisher/prune/prune-report.ts';
import type { RepositoryReport } from '../../src/publisher/verify-repository.ts';
import { createJsonCli, type JsonCli } from '../support/json-cli.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

const REPO = ['--repo', 'repo', '--insecure'];

async function openShop(t: ExecutionContext<unknown>): Promise<JsonCli> {
  const cli = await createJsonCli(t);
  for (const version of ['1', '2', '3']) {
    await writeFile(join(cli.directory, 'image'), seededBytes(`cli prune ${version}`, 40 * KiB));
    const release = ['--product', 'gateway', '--version', version, '--compression', '1', '--workers', '1'];
    await cli.json(0, 'publish', 'image', ...REPO, ...release);
  }
  return cli;
}

test('releases go at once and their objects when the grace is over', async (t) => {
  const { directory, json, run } = await openShop(t);
  const packs = async () => (await readdir(join(directory, 'repo', 'packs'))).length;
  const prune = ['prune', ...REPO, '--product', 'gateway', '--keep-last', '1', '--keep-version', '1'];
  const dry = await json<PruneReport>(0, ...prune, '--dry-run');
  t.like(dry, { dryRun: true, releases: 2, removed: [{ product: 'gateway', version: '2', counter: 2 }] });
  t.like(dry, { marked: { objects: 3, kinds: { packs: { objects: 1 } } }, deleted: { objects: 0 } });
  t.deepEqual(await readdir(join(directory, 'repo', 'prune')), ['leases.json']);
  const first = await json<PruneReport & { trust: string; peakMemory: number }>(0, ...prune);
  t.is(first.trust, 'insecure');
  t.true(first.peakMemory > 0);
  t.deepEqual(first.marked, dry.marked);
  const second = await run(...prune);
  t.is(second.status, 0);
  t.regex(second.stdout, /^took out 0 releases; 2 stay\n {2}deleted +0 objects/);
  t.regex(second.stdout, /unused, in grace +3 objects +[\d.]+ KiB +1 packs [\d.]+ KiB, 1 indexes/);
  t.is(await packs(), 3);
  const last = await json<PruneReport>(0, ...prune, '--grace', '0s');
  t.deepEqual(last.deleted, first.marked);
  t.is(await packs(), 2);
  t.like(await json<RepositoryReport>(0, 'verify', ...REPO), { releases: 2, damaged: [], unreferenced: 0 });
});

test('a signed repository is pruned with its keys, or by a stage', async (t) => {
  const { directory, json, fails } = await createJsonCli(t);
  await json(0, 'keys', 'init', 'keys', '--repo', 'repo', '--product', 'gateway');
  const own = ['--repo', 'repo', '--keys', 'keys'];
  for (const version of ['1', '2', '3']) {
    await writeFile(join(directory, 'image'), seededBytes(`cli prune ${version}`, 20 * KiB));
    const release = ['--product', 'gateway', '--version', version, '--compression', '1', '--workers', '1'];
    await json(0, 'publish', 'image', ...own, ...release);
  }
  const first = await json<PruneReport>(0, 'prune', ...own, '--keep-last', '2');
  t.like(first, { releases: 2, removed: [{ version: '1' }], trust: 'tuf' });
  const stage = ['--root', 'keys/root.json', '--product', 'gateway', '--unsigned', 'prune.stage'];
  const staged = await json<PruneReport>(0, 'prune', '--repo', 'repo', ...stage, '--keep-last', '1');
  t.like(staged, { releases: 2, removed: [{ version: '2' }], staged: 'prune.stage' });
  await json(0, 'sign', 'prune.stage', '--keys', 'keys');
  await json(0, 'release', 'prune.stage', ...own);
  t.is(
    (
      await fails(
        10,
        'inspect',
        '--repo',
        'repo',
        '--root',
        'keys/root.json',
        '--product',
        'gateway',
        '--version',
        '2',
      )
    ).code,
    'RELEASE_NOT_FOUND',
  );
  const last = await json<PruneReport>(0, 'prune', ...own);
  t.like(last, { releases: 1, removed: [] });
  t.true(last.marked.kinds.metadata.objects > 0);
});

test('what makes no sense is a usage error, and nothing that is not there is kept', async (t) => {
  const { fails } = await openShop(t);
  const prune = ['prune', ...REPO];
  t.is((await fails(2, ...prune, '--keep-channel', 'stable')).code, 'USAGE');
  t.is((await fails(2, ...prune, '--keep-last', '0')).code, 'USAGE');
  t.is((await fails(2, ...prune, '--grace', '7')).code, 'USAGE');
  t.is((await fails(2, ...prune, '--grace', '99999d')).code, 'USAGE');
  t.is((await fails(2, 'prune', '--repo', 'repo', '--keep-last', '1')).code, 'USAGE');
  t.is((await fails(2, 'prune', '--repo', 'repo', '--keys', 'keys', '--unsigned', 'stage')).code, 'USAGE');
  t.is((await fails(10, ...prune, '--keep-last', '1', '--keep-channel', 'stable')).code, 'RELEASE_NOT_FOUND');
  t.is((await fails(1, 'prune', '--insecure', '--repo', 'nowhere')).code, 'NOT_A_REPOSITORY');
});

test('a stage that waited longer than the grace is not released, and can be published again', async (t) => {
  const { directory, json, fails } = await createJsonCli(t);
  await json(0, 'keys', 'init', 'keys', '--repo', 'repo', '--product', 'gateway');
  await writeFile(join(directory, 'image'), seededBytes('cli prune staged', 20 * KiB));
  const own = ['--repo', 'repo', '--keys', 'keys'];
  const release = ['--product', 'gateway', '--version', '1', '--compression', '1', '--workers', '1'];
  await json(0, 'publish', 'image', ...own, ...release, '--unsigned', 'first.stage');
  await json(0, 'prune', ...own);
  t.is((await json<PruneReport>(0, 'prune', ...own, '--grace', '0s')).deleted.objects, 2);
  t.is((await fails(1, 'release', 'first.stage', ...own)).code, 'OBJECT_MISSING');
  await json(0, 'publish', 'image', ...own, ...release, '--unsigned', 'second.stage');
  await json(0, 'release', 'second.stage', ...own);
  const verified = await json<RepositoryReport>(0, 'verify', '--repo', 'repo', '--root', 'keys/root.json');
  t.like(verified, { releases: 1, damaged: [] });
});

test('a pack of which little is in use makes place for what is left, which inspect shows and fetch reads', async (t) => {
  const { directory, json, run, fails } = await createJsonCli(t);
  const large = seededBytes('cli repack', 6 * MiB);
  const own = [...REPO, '--product', 'gateway'];
  for (const [version, size] of [
    ['1', large.length],
    ['2', MiB],
  ] as const) {
    await writeFile(join(directory, 'image'), large.subarray(0, size));
    await json(0, 'publish', 'image', ...own, '--version', version, '--compression', '1', '--workers', '1');
  }
  const prune = ['prune', ...REPO, '--grace', '0s'];
  const never = ['--keep-last', '1', '--dry-run'];
  t.like(await json<PruneReport>(0, ...prune, ...never, '--no-repack'), { repacked: { packs: 0 } });
  t.like(await json<PruneReport>(0, ...prune, ...never, '--repack-below', '5'), { repacked: { packs: 0 } });
  t.regex(
    (await run(...prune, ...never)).stdout,
    /\nwould make 1 packs smaller: 4\.\d+ MiB less once the grace is over\n/,
  );
  t.regex(`${(await fails(2, ...prune, '--repack-below', '100')).message}`, /0 to 99 percent/);
  const { repacked } = await json<PruneReport>(0, ...prune, '--keep-last', '1');
  t.is(repacked.packs, 1);
  await json(0, ...prune);
  // The last chunk of the second release is none of the first.
  const packs = await readdir(join(directory, 'repo', 'packs'));
  t.is(packs.length, 2);
  const name = packs.find((each) => /^[0-9a-f]{64}\.1$/.test(each)) ?? '';
  const file = join('repo', 'packs', name);
  const shown = { kind: 'remnant of a pack', pack: name.slice(0, 64), size: repacked.bytes };
  t.like(await json<object>(0, 'inspect', file), shown);
  t.regex((await run('inspect', file)).stdout, /^remnant of a pack\n {2}size +1\.\d+ MiB of 6\.\d+ MiB\n/);
  t.like(await json<RepositoryReport>(0, 'verify', ...REPO), { damaged: [], unreferenced: 0 });
  await json(0, 'fetch', ...own, '--output', 'fetched');
  t.deepEqual(await readFile(join(directory, 'fetched')), Buffer.from(large.subarray(0, MiB)));
  await truncate(join(directory, file), 9000);
  t.regex(`${(await fails(1, 'inspect', file)).message}`, /truncated/);
  t.like(await json<RepositoryReport>(16, 'verify', ...REPO), {
    damaged: [{ problem: 'truncated', releases: ['gateway 2'] }],
  });
});
