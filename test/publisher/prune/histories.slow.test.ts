import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { chunkerSpec } from '../../../src/chunker/chunker.ts';
import { toHex } from '../../../src/core/digest.ts';
import { KiB } from '../../../src/core/sizes.ts';
import type { Manifest } from '../../../src/format/manifest.ts';
import { waitForTurn } from '../../../src/publisher/prune/change-leases.ts';
import { prune } from '../../../src/publisher/prune/prune.ts';
import { publish } from '../../../src/publisher/publish.ts';
import type { Store } from '../../../src/store/store.ts';
import { openLedger } from '../../../src/trust/unsigned-releases.ts';
import { collect } from '../../support/collect.ts';
import { datedStore } from '../../support/dated-store.ts';
import { withBeforeCall } from '../../support/memory-store.ts';
import { DAY, GRACE, TestClock } from '../../support/prune-bench.ts';
import { FAST } from '../../support/publish-bench.ts';
import { readIndex, rebuildImage } from '../../support/rebuild-image.ts';
import { seededBytes, seededRandom } from '../../support/seeded-bytes.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

class Killed extends Error {}

const pieces = Array.from({ length: 8 }, (_, at) => seededBytes(`piece ${at}`, 6 * KiB));

/** Every key that the releases need, found by other means than the pruner's. */
async function needed(store: Store, manifests: readonly Manifest[]): Promise<Set<string>> {
  const keys = new Set<string>();
  for (const { images } of manifests) {
    for (const image of images) {
      keys.add(`indexes/${image.index.sha256}`);
      for (const { sha256 } of image.deltas ?? []) keys.add(`deltas/${sha256}`);
      for (const { digest } of (await readIndex(store, image)).head.packs) keys.add(`packs/${toHex(digest)}`);
    }
  }
  return keys;
}

for (let seed = 1; seed <= 4; seed += 1) {
  test(`whatever happens, kept releases rebuild, and in the end nothing else is left: history ${seed}`, async (t) => {
    const random = seededRandom(seed);
    const upTo = (count: number): number => Math.floor(random() * count);
    const clock = new TestClock();
    const store = await datedStore(t, clock);
    const directory = await temporaryDirectory(t);
    const products = ['os', 'app'];
    let versions = 0;

    const publishOne = async (to: Store): Promise<void> => {
      const product = products[upTo(2)] as string;
      versions += 1;
      const path = join(directory, 'image');
      const parts = Array.from({ length: 2 + upTo(4) }, () => pieces[upTo(8)] as Uint8Array);
      await writeFile(path, Buffer.concat(parts));
      await publish(to, openLedger(to), {
        ...FAST,
        chunker: chunkerSpec('fastcdc-1', KiB),
        product,
        version: `${versions}`,
        images: [{ name: 'image', path }],
        bases: { last: upTo(2) },
        channel: random() < 0.2 ? 'stable' : undefined,
        temporaryDirectory: directory,
      });
    };
    const pruneOnce = async (from: Store, last = 1 + upTo(3)) => {
      const keep = random() < 0.7 ? { last, channels: [], versions: [] } : undefined;
      return await prune(from, openLedger(from), { keep, graceMs: GRACE, clock });
    };
    /** Runs it until one of its first calls, drawn by lot, from which on everything fails. */
    const killed = async (work: (on: Store) => Promise<unknown>): Promise<void> => {
      const last = 1 + upTo(60);
      const dying = withBeforeCall(store, (_call, _key, ordinal) => {
        if (ordinal >= last) throw new Killed();
      });
      await work(dying).catch(() => {});
      // A publisher would wait for the end of its turn by the real clock.
      await waitForTurn({ store, clock });
      clock.pass(2 * DAY);
    };

    await publishOne(store);
    let deleted = 0;
    for (let step = 0; step < 22; step += 1) {
      const dice = random();
      if (dice < 0.35) await publishOne(store);
      else if (dice < 0.45) await killed(publishOne);
      else if (dice < 0.7) deleted += (await pruneOnce(store)).deleted.objects;
      else if (dice < 0.8) await killed((on) => pruneOnce(on));
      else if (dice < 0.9) {
        const all = await collect(openLedger(store).all());
        const { product, version } = all[upTo(all.length)] as Manifest;
        await openLedger(store).point(product, 'stable', version);
      } else clock.pass(upTo(10) * DAY);
      for (const { images } of await collect(openLedger(store).all())) {
        for (const image of images) await rebuildImage(store, image);
      }
    }
    // Marks, and sees the leases of the killed; takes these away; deletes.
    for (let run = 0; run < 3; run += 1) {
      deleted += (await pruneOnce(store, 2)).deleted.objects;
      clock.pass(GRACE);
    }
    deleted += (await prune(store, openLedger(store), { graceMs: GRACE, clock })).deleted.objects;
    t.true(deleted > 0);
    const manifests = await collect(openLedger(store).all());
    const found = (await collect(store.list(''))).map(({ key }) => key);
    const data = found.filter((key) => /^(packs|indexes|deltas)\//.test(key)).sort();
    t.deepEqual(data, [...(await needed(store, manifests))].sort());
    t.is(found.filter((key) => key.startsWith('targets/')).length, manifests.length);
    t.log(`${manifests.length} of ${versions} releases kept, ${deleted} objects deleted`);
  });
}
