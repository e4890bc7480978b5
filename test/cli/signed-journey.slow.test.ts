import { mkdtempSync, rmSync } from 'node:fs';
import { copyFile, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { KiB } from '../../src/core/sizes.ts';
import type { FetchReport } from '../../src/fetcher/fetch-report.ts';
import type { PublishReport } from '../../src/publisher/publish-report.ts';
import { createJsonCli, type JsonCli } from '../support/json-cli.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

const oldImage = seededBytes('signed old', 300 * KiB);
const newImage = Buffer.concat([
  oldImage.subarray(0, 100 * KiB),
  seededBytes('signed new', 20 * KiB),
  oldImage.subarray(100 * KiB),
]);

const PLACE = ['--repo', 'repo', '--product', 'gateway'];
const PUBLISH = ['publish', ...PLACE, '--keys', 'keys', '--compression', '1', '--workers', '1'];
const FETCH = ['fetch', ...PLACE, '--root', 'device-root.json'];

type Trusting<T> = T & { readonly trust: string };

const shop = mkdtempSync(join(tmpdir(), 'silt-shop-'));
test.after.always(() => rmSync(shop, { recursive: true }));

let made: Promise<void> | undefined;

/** A signed repository with one release, its keys, and the root that a device gets, by the test that comes first. */
async function makeShop(t: ExecutionContext<unknown>): Promise<void> {
  const cli = await createJsonCli(t);
  const inside = (name: string): string => join(cli.directory, name);
  await writeFile(inside('old.img'), oldImage);
  await writeFile(inside('new.img'), newImage);
  await cli.json(0, 'keys', 'init', 'keys', '--repo', 'repo', '--product', 'gateway');
  await copyFile(inside('keys/root.json'), inside('device-root.json'));
  const first = ['--version', '1', '--image', 'rootfs=old.img', '--channel', 'stable'];
  t.is((await cli.json<Trusting<PublishReport>>(0, ...PUBLISH, ...first)).trust, 'tuf');
  await cp(cli.directory, shop, { recursive: true });
}

/** A copy of it. */
async function openShop(t: ExecutionContext<unknown>): Promise<JsonCli> {
  made ??= makeShop(t);
  await made;
  const cli = await createJsonCli(t);
  await cp(shop, cli.directory, { recursive: true });
  return cli;
}

const second = ['--version', '2', '--image', 'rootfs=new.img', '--channel', 'stable'];

/** Everything that is not the index or the image. */
function metadataOf({ requests, metadataBytes }: FetchReport) {
  return { requests, metadataBytes };
}

test('a signed release is fetched, the next updates it, and what is new costs little metadata', async (t) => {
  const { directory, json } = await openShop(t);
  const fetch = [...FETCH, '--channel', 'stable', '--output', 'device.img'];
  const install = await json<Trusting<FetchReport>>(0, ...fetch);
  t.like(install, { trust: 'tuf', version: '1', counter: 1, upToDate: false });

  const nothing = await json<FetchReport>(0, ...fetch);
  t.true(nothing.upToDate);
  t.log('nothing new', metadataOf(nothing));
  t.true(nothing.metadataBytes > 0 && nothing.metadataBytes <= 3 * KiB);
  // The probe for the next root, the timestamp, and level 1 of the index, which tells that the image is right.
  t.is(nothing.requests, 3);

  await json(0, ...PUBLISH, ...second);
  const plan = await json<FetchReport>(0, ...fetch, '--dry-run');
  const update = await json<FetchReport>(0, ...fetch);
  t.like(update, { version: '2', counter: 2, bytesFetched: plan.bytesFetched, requests: plan.requests });
  t.deepEqual(await readFile(join(directory, 'device.img')), newImage);
  t.log('a new release', metadataOf(update));
  t.true(update.metadataBytes > 0 && update.metadataBytes <= 12 * KiB);

  const damage = await json<Trusting<{ damaged: unknown[] }>>(
    ...([0, 'verify', '--repo', 'repo', '--root', 'device-root.json'] as const),
  );
  t.like(damage, { damaged: [], trust: 'tuf', releases: 2 });
  await json(0, 'verify', 'device.img', ...PLACE, '--root', 'device-root.json');
});

test('inspect lists a signed repository, a release and its metadata', async (t) => {
  const { directory, json, fails } = await openShop(t);
  const root = ['--root', 'device-root.json'];
  t.deepEqual(await json(0, 'inspect', '--repo', 'repo', ...root), {
    products: [{ product: 'gateway', channels: { stable: '1' }, releases: [{ version: '1', counter: 1 }] }],
    trust: 'tuf',
  });
  t.like(await json<object>(0, 'inspect', ...PLACE, ...root), { version: '1', trust: 'tuf' });
  for (const name of await readdir(join(directory, 'repo', 'metadata'))) {
    const file = await json<{ kind: string }>(0, 'inspect', join('repo', 'metadata', name));
    t.is(file.kind, 'signed metadata');
  }
  t.is((await fails(10, 'inspect', ...PLACE, ...root, '--version', '7')).code, 'RELEASE_NOT_FOUND');
});

test('a repository that somebody altered is refused, and nothing is written', async (t) => {
  const { directory, json, fails } = await openShop(t);
  const inside = (name: string): string => join(directory, name);
  const trusting = ['--product', 'gateway', '--root', 'device-root.json', '--output', 'device.img'];
  const fetch = ['fetch', '--repo', 'repo', ...trusting];
  const tampered = ['fetch', '--repo', 'tampered', ...trusting];
  const [manifest] = await readdir(inside('repo/targets/gateway'));
  const roles = ['timestamp.json', '1.targets.json', '2.snapshot.json', '2.product-gateway.json'];
  const altered = [...roles.map((name) => `metadata/${name}`), `targets/gateway/${manifest}`];
  const codes = new Map<string, unknown>();
  for (const path of altered) {
    await rm(inside('tampered'), { recursive: true, force: true });
    await cp(inside('repo'), inside('tampered'), { recursive: true });
    const text = await readFile(inside(`repo/${path}`), 'utf8');
    // Versions of metadata, or the counter of the manifest.
    const other = text.replace(/("version"|"counter"):\d+/, '$1:9');
    t.not(other, text, path);
    await writeFile(inside(`tampered/${path}`), other);
    const error = await fails(12, ...tampered, '--state', `state of ${codes.size}`);
    codes.set(path, error.code);
  }
  t.deepEqual(
    [...codes.values()],
    ['TRUST_THRESHOLD', 'TRUST_MISMATCH', 'TRUST_MISMATCH', 'TRUST_MISMATCH', 'MANIFEST_ALTERED'],
  );
  t.false((await readdir(directory)).some((name) => name.startsWith('device.img')));
  await json(0, ...fetch);
});

test('below the floor a release is refused, unless an exception is signed', async (t) => {
  const { directory, json, fails } = await openShop(t);
  await json(0, ...PUBLISH, ...second);
  const fetch = [...FETCH, '--output', 'device.img'];
  const { counter } = await json<FetchReport>(0, ...fetch);
  await json(0, 'floor', 'raise', '--product', 'gateway', '--counter', String(counter));
  const before = await readFile(join(directory, 'device.img'));
  t.is((await fails(13, ...fetch, '--version', '1')).code, 'DOWNGRADE_REFUSED');
  t.deepEqual(await readFile(join(directory, 'device.img')), before);
  const recall = ['channel', 'stable', '1', ...PLACE, '--keys', 'keys', '--allow-downgrade-from', '2'];
  await json(0, ...recall);
  t.like(await json<FetchReport>(0, ...fetch, '--channel', 'stable'), { version: '1' });
  t.deepEqual(await readFile(join(directory, 'device.img')), Buffer.from(oldImage));
});

test('hardware, a release before and a version of silt are held against the device', async (t) => {
  const { json, fails } = await openShop(t);
  const rules = ['--hardware', 'gw2:eu,us', '--hardware', 'gw3', '--requires-release', '1'];
  await json(0, ...PUBLISH, ...second, ...rules, '--requires-silt', '0.0.1');
  const fetch = [...FETCH, '--output', 'device.img', '--installed', '1', '--hardware'];
  t.is((await fails(14, ...FETCH, '--output', 'device.img')).code, 'NOT_COMPATIBLE');
  t.is((await fails(14, ...fetch, 'gw1')).code, 'NOT_COMPATIBLE');
  t.is((await fails(14, ...fetch, 'gw2', '--variant', 'jp')).code, 'NOT_COMPATIBLE');
  await json(0, ...fetch, 'gw2', '--variant', 'us');
  await json(0, ...fetch, 'gw3');
  const future = ['--version', '3', '--image', 'rootfs=old.img', '--requires-silt', '999.0.0'];
  await json(0, ...PUBLISH, ...future);
  t.is((await fails(14, ...FETCH, '--output', 'device.img')).code, 'NOT_COMPATIBLE');
});

test('a signed repository is not used without its signatures, nor an unsigned one with a root', async (t) => {
  const { fails, json } = await openShop(t);
  const release = ['--version', '2', '--image', 'rootfs=new.img', '--workers', '1'];
  for (const command of [
    ['fetch', ...PLACE, '--output', 'device.img'],
    ['inspect', '--repo', 'repo'],
    ['verify', '--repo', 'repo'],
    ['publish', ...PLACE, ...release],
  ]) {
    const error = await fails(2, ...command, '--insecure');
    t.is(error.code, 'USAGE');
    t.regex(String(error.message), /repo is a signed repository: expected --root/);
  }
  const unsigned = ['--repo', 'unsigned', '--product', 'gateway'];
  await json(0, 'publish', ...unsigned, ...release, '--insecure');
  for (const command of [
    ['fetch', ...unsigned, '--output', 'device.img'],
    ['verify', ...unsigned.slice(0, 2)],
  ]) {
    const error = await fails(12, ...command, '--root', 'device-root.json');
    t.is(error.code, 'TRUST_MALFORMED');
    t.regex(String(error.message), /unsigned repository/);
  }
});

test('the root of trust and the keys may come from the environment', async (t) => {
  const { directory } = await openShop(t);
  const cli = await createJsonCli(t, {
    SILT_ROOT: join(directory, 'device-root.json'),
    SILT_KEYS: join(directory, 'keys'),
  });
  const place = ['--repo', join(directory, 'repo'), '--product', 'gateway'];
  const image = `rootfs=${join(directory, 'new.img')}`;
  const publish = ['publish', ...place, '--version', '2', '--image', image, '--workers', '1'];
  t.is((await cli.json<Trusting<PublishReport>>(0, ...publish)).trust, 'tuf');
  t.like(await cli.json<object>(0, 'fetch', ...place, '--output', 'device.img'), {
    version: '2',
    trust: 'tuf',
  });
});

test('what is published unsigned is visible when others have signed and released it', async (t) => {
  const { directory, json, fails } = await openShop(t);
  const inside = (...parts: string[]): string => join(directory, ...parts);
  // CI has the keys that are online; that of the product stays elsewhere.
  await mkdir(inside('ci'));
  for (const name of await readdir(inside('keys'))) {
    if (/^(snapshot|timestamp)/.test(name)) await copyFile(inside('keys', name), inside('ci', name));
  }
  const publish = ['publish', ...PLACE, '--keys', 'ci', '--root', 'device-root.json', '--workers', '1'];
  t.is((await fails(1, ...publish, ...second)).code, 'SIGNATURES_MISSING');
  const staged = await json<object>(0, ...publish, ...second, '--unsigned', '2.stage');
  t.like(staged, { staged: '2.stage', trust: 'tuf' });
  const fetch = [...FETCH, '--output', 'device.img'];
  t.like(await json<object>(0, ...fetch), { version: '1' });
  const release = ['release', '2.stage', '--repo', 'repo', '--keys', 'ci', '--root', 'device-root.json'];
  t.is((await fails(1, ...release)).code, 'SIGNATURES_MISSING');
  await json(0, 'sign', '2.stage', '--keys', 'keys');
  await json(0, ...release);
  t.like(await json<object>(0, ...fetch), { version: '2' });
  t.deepEqual(await readFile(inside('device.img')), newImage);
});
