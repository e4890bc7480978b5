import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { prune } from '../../src/publisher/prune/prune.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { openLedger } from '../../src/trust/unsigned-releases.ts';
import { startCdn } from '../support/cdn.ts';
import { nginxTest } from '../support/nginx-test.ts';
import { publishReleases, sharedDirectory } from '../support/release-repository.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

const shared = await sharedDirectory();
test.after.always(() => shared.remove());

/** Of the first release's four frames the second one needs one. */
const imageOne = seededBytes('remnants one', 4 * MiB);
const imageTwo = Buffer.concat([imageOne.subarray(0, MiB), seededBytes('remnants two', 64 * KiB)]);

const pathOf = (line: string): string => line.replace(/[0-9a-f]{64}/, 'P').replace(/ .*/, '');

nginxTest('a pack that was made smaller reaches devices from the cache, old and new', async (t) => {
  const repository = await publishReleases(shared.path, { '1.0.0': imageOne, '2.0.0': imageTwo }, 16 * KiB);
  const [warm, cold] = [await startCdn(t, repository), await startCdn(t, repository)];
  t.true((await warm.fetch()).image.equals(imageTwo));
  warm.atOrigin();

  const store = await openDirectoryStore(repository);
  const options = {
    keep: { last: 1, channels: [], versions: [] },
    graceMs: 0,
    repack: { below: 0.5, freedBytes: MiB },
  };
  t.is((await prune(store, openLedger(store), options)).repacked.packs, 1);
  await prune(store, openLedger(store), options);
  const left = (await readdir(join(repository, 'packs'))).filter((name) => name.endsWith('.1'));
  t.is(left.length, 1);
  t.false((await readdir(join(repository, 'packs'))).includes(left[0]!.slice(0, -2)));

  t.true((await warm.fetch()).image.equals(imageTwo));
  t.deepEqual(warm.atOrigin(), [], 'the whole pack is good for as long as it is kept');

  t.true((await cold.fetch()).image.equals(imageTwo));
  const [gone, head] = cold
    .atOrigin()
    .filter((line) => /\/packs\//.test(line) && line.includes(left[0]!.slice(0, 64)));
  t.deepEqual(
    [gone, head].map((line) => pathOf(line ?? '')),
    ['/packs/P', '/packs/P.1'],
  );
  t.true((await cold.fetch()).image.equals(imageTwo));
  t.deepEqual(
    cold.atOrigin().map(pathOf),
    ['/packs/P'],
    'what is not there is not remembered, the remnant is',
  );
});
