import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KiB } from '../../src/core/sizes.ts';
import { holdsImage } from '../support/holds-image.ts';
import { newImage, oldImage } from '../support/release-images.ts';
import { serveRepository } from '../support/release-repository.ts';
import { repositoryTest } from '../support/repository-test.ts';
import { alterUnnoticed, writeIndexedSeed } from '../support/saved-index.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const test = repositoryTest({ old: oldImage, new: newImage });

test('a budget that just suffices is kept, and one less is refused before any data is fetched', async (t) => {
  const directory = await temporaryDirectory(t);
  const output = join(directory, 'image');
  const { proxy, fetch } = await serveRepository(t, t.context.repository);
  const { bytesFetched: maxBytes, requests: maxRequests } = await fetch({ output, dryRun: true });
  for (const budget of [{ maxBytes: maxBytes - 1 }, { maxRequests: maxRequests - 1 }]) {
    const before = proxy.count();
    const error = await throwsSilt(t, () => fetch({ output, budget }), 'OVER_BUDGET');
    t.like(error.details, 'maxBytes' in budget ? { needed: maxBytes } : { needed: maxRequests });
    await throwsSilt(t, () => fetch({ output, budget, dryRun: true }), 'OVER_BUDGET');
    t.is(proxy.count(/packs/).bytes, 0);
    const after = proxy.count();
    t.true(after.bytes - before.bytes < 2 * maxBytes && after.requests - before.requests < 2 * maxRequests);
    t.deepEqual(await readdir(directory), [], 'nothing is left behind');
  }
  const before = proxy.count();
  await fetch({ output, budget: { maxBytes, maxRequests } });
  await holdsImage(t, output, newImage);
  t.is(proxy.count().bytes - before.bytes, maxBytes);
  t.is(proxy.count().requests - before.requests, maxRequests);
});

test('no budget is ever exceeded, however small', async (t) => {
  const directory = await temporaryDirectory(t);
  const output = join(directory, 'image');
  const { proxy, fetch } = await serveRepository(t, t.context.repository);
  for (const maxBytes of [0, 1, 100, 500, 900, 1500, 4000, 20_000]) {
    const before = proxy.count().bytes;
    await throwsSilt(t, () => fetch({ output, budget: { maxBytes } }), 'OVER_BUDGET');
    // A body that proves too large is cut off, and what was on its way then does not count.
    const metadata = 1000;
    t.true(proxy.count().bytes - before <= Math.max(maxBytes, metadata), `${maxBytes}`);
  }
  for (const maxRequests of [0, 1, 2, 3, 4]) {
    const before = proxy.count().requests;
    await throwsSilt(t, () => fetch({ output, budget: { maxRequests } }), 'OVER_BUDGET');
    t.true(proxy.count().requests - before <= maxRequests, `${maxRequests}`);
  }
  t.is(proxy.count(/packs/).bytes, 0);
});

test('a seed that proves altered does not lift the budget', async (t) => {
  const directory = await temporaryDirectory(t);
  const stateDirectory = join(directory, 'state');
  const [seed, output] = [join(directory, 'seed'), join(directory, 'image')];
  await writeFile(output, 'the image there was');
  await writeIndexedSeed(seed, oldImage, stateDirectory);
  const { proxy, fetch } = await serveRepository(t, t.context.repository);
  const options = { output, seeds: [seed], stateDirectory };
  const plan = await fetch({ ...options, dryRun: true });
  await alterUnnoticed(seed, seededBytes('altered', oldImage.length));
  const allowed = { maxBytes: plan.bytesFetched + 100 * KiB, maxRequests: plan.requests };
  for (const budget of [{ maxBytes: allowed.maxBytes }, { maxRequests: allowed.maxRequests }]) {
    const before = proxy.count();
    await throwsSilt(t, () => fetch({ ...options, budget }), 'OVER_BUDGET');
    if ('maxBytes' in budget) t.true(proxy.count().bytes - before.bytes <= allowed.maxBytes);
    else t.true(proxy.count().requests - before.requests <= allowed.maxRequests);
    await holdsImage(t, output, Buffer.from('the image there was'));
  }
  await fetch(options);
  await holdsImage(t, output, newImage);
});

test('bytes asked for a second time count', async (t) => {
  const directory = await temporaryDirectory(t);
  const output = join(directory, 'image');
  const { proxy, fetch } = await serveRepository(t, t.context.repository);
  const { bytesFetched, requests } = await fetch({ output, dryRun: true });
  const rules = [{ match: /packs/, times: 1, fault: { kind: 'wrong-bytes' } }] as const;
  for (const budget of [{ maxBytes: bytesFetched }, { maxRequests: requests }]) {
    proxy.script(rules);
    const before = proxy.count();
    await throwsSilt(t, () => fetch({ output, budget }), 'OVER_BUDGET');
    if ('maxBytes' in budget) t.true(proxy.count().bytes - before.bytes <= bytesFetched);
    else t.true(proxy.count().requests - before.requests <= requests);
    t.deepEqual(
      (await readdir(directory)).filter((name) => name === 'image'),
      [],
    );
  }
});

test('a connection that breaks costs a request and no bytes, so the byte budget holds', async (t) => {
  const output = join(await temporaryDirectory(t), 'image');
  const { proxy, fetch } = await serveRepository(t, t.context.repository);
  const { bytesFetched: maxBytes, requests } = await fetch({ output, dryRun: true });
  proxy.script([{ match: /packs/, times: 2, fault: { kind: 'reset', after: 300_000 } }]);
  const report = await fetch({ output, budget: { maxBytes } });
  await holdsImage(t, output, newImage);
  t.is(report.bytesFetched, maxBytes);
  t.is(report.requests, requests + 2);
});
