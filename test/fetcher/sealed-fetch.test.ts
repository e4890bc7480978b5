import { existsSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { KiB } from '../../src/core/sizes.ts';
import { fetchImage } from '../../src/fetcher/fetch.ts';
import { verifyImage } from '../../src/fetcher/verify-image.ts';
import type { Manifest } from '../../src/format/manifest.ts';
import { recipientKeys } from '../../src/trust/seal/recipient-keys.ts';
import { openReleases } from '../../src/trust/unsigned-releases.ts';
import { addsUp } from '../support/adds-up.ts';
import { withFlips, withInsertion } from '../support/edited-image.ts';
import { holdsImage } from '../support/holds-image.ts';
import { AT_ONCE, serveRepository } from '../support/release-repository.ts';
import { asMaster, makeDevices, type SealedBench, sealedBench } from '../support/sealed-release.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import type { Party } from '../support/test-pki.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const old = Buffer.concat([seededBytes('sealed old', 1500 * KiB), Buffer.alloc(300 * KiB)]);
const next = withInsertion(withFlips(old, 0, 700 * KiB, 4000), 1000 * KiB, 50 * KiB, 'inserted');

interface Scene extends SealedBench {
  readonly manifest: Manifest;
  readonly device: Party;
  readonly stranger: Party;
  /** The image of the first release. */
  readonly seed: string;
}

/** Two sealed releases; the second has a delta. */
async function scene(t: ExecutionContext<unknown>): Promise<Scene> {
  const bench = await sealedBench(t);
  const { device, stranger } = await makeDevices('device', 'stranger');
  const seed = await bench.file('old', old);
  await bench.seal('1', { a: seed }, [device]);
  const { manifest } = await bench.seal('2', { a: await bench.file('new', next) }, [device], {
    bases: { last: 1 },
  });
  return { ...bench, manifest, device, stranger, seed };
}

test('a recipient fetches a sealed image at first, from chunks of a seed, and by a delta', async (t) => {
  const { directory, fetch, keysOf, device, seed } = await scene(t);
  const keys = keysOf(device);
  const whole = join(directory, 'whole');
  const first = await fetch({ output: whole }, keys);
  await holdsImage(t, whole, next);
  t.true(first.bytesFromPacks > 1000 * KiB && addsUp(first));
  const chunks = await fetch({ output: `${whole} 2`, seeds: [seed], delta: false }, keys);
  await holdsImage(t, `${whole} 2`, next);
  t.true(chunks.bytesFromSeeds > 500 * KiB && chunks.bytesFetched < first.bytesFetched);
  const delta = await fetch({ output: `${whole} 3`, seeds: [seed] }, keys);
  await holdsImage(t, `${whole} 3`, next);
  t.true(delta.bytesFromDelta > 0 && delta.bytesFetched < chunks.bytesFetched);
  t.is(delta.deltaProblem, undefined);
});

test('frames that wait in the spool are those that were sealed', async (t) => {
  const { directory, fetch, keysOf, device } = await scene(t);
  const output = join(directory, 'image');
  await fetch({ output, memoryBytes: 1 }, keysOf(device));
  await holdsImage(t, output, next);
});

test('who has the master secret fetches too, and verifies what is there', async (t) => {
  const { directory, fetch, store } = await scene(t);
  const output = join(directory, 'image');
  await fetch({ output }, asMaster);
  await holdsImage(t, output, next);
  const options = { product: 'os', selector: { latest: true }, path: output } as const;
  const releases = openReleases(store);
  t.deepEqual((await verifyImage(store, releases, { ...options, contentKey: asMaster })).badWindows, []);
  await throwsSilt(t, () => verifyImage(store, releases, options), 'SEAL_KEY_REQUIRED');
});

test('without a key, or with that of another, a sealed release is refused before anything is written', async (t) => {
  const { directory, repository, device, stranger } = await scene(t);
  const { proxy, store } = await serveRepository(t, repository);
  const output = join(directory, 'image');
  const before = await readdir(directory);
  const { certificate } = device;
  const attempts = [
    ['SEAL_KEY_REQUIRED', undefined],
    ['SEAL_NOT_RECIPIENT', recipientKeys(store, { ...stranger, privateKey: stranger.key })],
    // The certificate is that of a recipient, the key is not.
    ['KEY_UNUSABLE', recipientKeys(store, { certificate, privateKey: stranger.key })],
  ] as const;
  for (const [code, contentKey] of attempts) {
    const options = { product: 'os', selector: { latest: true }, retry: AT_ONCE, output } as const;
    await throwsSilt(t, () => fetchImage(store, openReleases, { ...options, contentKey }), code);
  }
  t.deepEqual(await readdir(directory), before);
  t.is(proxy.count(/indexes|packs|deltas/).requests, 0);
  t.true(proxy.count(/keys/).requests > 0);
});

test('the envelope counts as metadata, and towards the budget', async (t) => {
  const { directory, fetch, keysOf, device, manifest } = await scene(t);
  const output = join(directory, 'image');
  const asDevice = await fetch({ output: `${output} 1`, dryRun: true }, keysOf(device));
  const byMaster = await fetch({ output: `${output} 2`, dryRun: true }, asMaster);
  t.is(asDevice.metadataBytes - byMaster.metadataBytes, manifest.sealing!.envelope.size);
  t.is(asDevice.requests - byMaster.requests, 1);
  const budget = { maxRequests: 2 };
  await throwsSilt(t, () => fetch({ output, budget }, keysOf(device)), 'OVER_BUDGET');
});

test('an envelope that is altered or gone is one clear error', async (t) => {
  const { directory, fetch, keysOf, device, manifest, repository, object } = await scene(t);
  const output = join(directory, 'image');
  const name = `keys/${manifest.sealing?.envelope.sha256}`;
  const altered = Buffer.from(await object(name));
  altered[30] = (altered[30] as number) ^ 1;
  await writeFile(join(repository, name), altered);
  await throwsSilt(t, () => fetch({ output }, keysOf(device)), 'DIGEST_MISMATCH');
  await writeFile(join(repository, name), altered.subarray(1));
  await throwsSilt(t, () => fetch({ output }, keysOf(device)), 'DIGEST_MISMATCH');
  await rm(join(repository, name));
  await throwsSilt(t, () => fetch({ output }, keysOf(device)), 'OBJECT_MISSING');
  t.false(existsSync(output));
});
