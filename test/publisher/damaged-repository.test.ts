import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { ErrorCode } from '../../src/core/errors.ts';
import { MiB } from '../../src/core/sizes.ts';
import { PACK_FOOTER_BYTES } from '../../src/format/pack.ts';
import { collect } from '../support/collect.ts';
import { type PublishBench, publishBench } from '../support/publish-bench.ts';
import { rebuildImage } from '../support/rebuild-image.ts';
import { dataKeys, repositoryObjects } from '../support/repository-objects.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { throwsSilt } from '../support/throws-silt.ts';

type Damage = (path: string) => Promise<void>;

const remove: Damage = (path) => rm(path);

function cut(bytes: number): Damage {
  return async (path) => await truncate(path, (await readFile(path)).length - bytes);
}

/** Alters one byte, counted from the end when negative. */
function flip(at: number): Damage {
  return async (path) => {
    const bytes = await readFile(path);
    const index = at < 0 ? bytes.length + at : at;
    bytes[index] = (bytes[index] as number) ^ 1;
    await writeFile(path, bytes);
  };
}

function replaceText(from: string, to: string): Damage {
  return async (path) => await writeFile(path, (await readFile(path, 'utf8')).replace(from, to));
}

interface Case {
  readonly what: string;
  readonly object: 'catalog' | 'manifest' | 'index' | 'pack';
  readonly damage: Damage;
  readonly code: ErrorCode;
}

const cases: readonly Case[] = [
  { what: 'truncated', object: 'catalog', damage: cut(1), code: 'FORMAT_INVALID' },
  { what: 'empty', object: 'catalog', damage: (path) => truncate(path, 0), code: 'FORMAT_INVALID' },
  { what: 'no JSON', object: 'catalog', damage: flip(0), code: 'FORMAT_INVALID' },
  {
    what: 'of a newer format',
    object: 'catalog',
    damage: replaceText('"formatVersion":1', '"formatVersion":2'),
    code: 'FORMAT_UNSUPPORTED',
  },
  { what: 'missing', object: 'manifest', damage: remove, code: 'OBJECT_MISSING' },
  { what: 'truncated', object: 'manifest', damage: cut(1), code: 'DIGEST_MISMATCH' },
  { what: 'altered', object: 'manifest', damage: flip(100), code: 'DIGEST_MISMATCH' },
  { what: 'missing', object: 'index', damage: remove, code: 'OBJECT_MISSING' },
  { what: 'truncated', object: 'index', damage: (path) => truncate(path, 50), code: 'DIGEST_MISMATCH' },
  { what: 'altered', object: 'index', damage: flip(60), code: 'DIGEST_MISMATCH' },
  { what: 'missing', object: 'pack', damage: remove, code: 'OBJECT_MISSING' },
  { what: 'truncated', object: 'pack', damage: cut(PACK_FOOTER_BYTES + 1), code: 'DIGEST_MISMATCH' },
  { what: 'altered in the trailer', object: 'pack', damage: flip(-50), code: 'DIGEST_MISMATCH' },
];

async function keyOf(object: Case['object'], { store }: PublishBench): Promise<string> {
  const folder = { catalog: 'metadata', manifest: 'targets', index: 'indexes', pack: 'packs' }[object];
  return (await collect(store.list(`${folder}/`)))[0]!.key;
}

/** A repository with one release, and a second image that shares some of it. */
async function scene(t: ExecutionContext<unknown>): Promise<{ bench: PublishBench; next: string }> {
  const bench = await publishBench(t);
  const old = seededBytes('old', MiB);
  await bench.publish('1', { a: await bench.file('old', old) });
  const next = await bench.file('next', Buffer.concat([seededBytes('new', 1000), old]));
  return { bench, next };
}

for (const { what, object, damage, code } of cases) {
  test(`a repository whose ${object} is ${what} gets nothing added`, async (t) => {
    const { bench, next } = await scene(t);
    const key = await keyOf(object, bench);
    await damage(join(bench.repository, key));
    const before = await repositoryObjects(bench.store);
    const error = await throwsSilt(t, () => bench.publish('2', { a: next }), code);
    t.true(error.message.includes(object === 'catalog' ? 'catalog' : key), error.message);
    t.deepEqual(await repositoryObjects(bench.store), before);
  });
}

test('a pack that is there under its name but shorter is not taken for stored', async (t) => {
  const { bench, next } = await scene(t);
  const twin = await publishBench(t);
  await twin.publish('1', { a: join(bench.directory, 'old') });
  await twin.publish('2', { a: next });
  const before = await repositoryObjects(bench.store);
  const added = dataKeys(await repositoryObjects(twin.store)).filter((name) => !(name in before));
  const key = added.find((name) => name.startsWith('packs/'))!;
  await bench.store.putIfAbsent(key, seededBytes('foreign', 10));
  const error = await throwsSilt(t, () => bench.publish('2', { a: next }), 'DIGEST_MISMATCH');
  t.true(error.message.includes(key));
  await bench.store.remove(key);
  const { manifest } = await bench.publish('2', { a: next });
  await t.notThrowsAsync(rebuildImage(bench.store, manifest.images[0]!));
});
