import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { chunkerSpec } from '../../../src/chunker/chunker.ts';
import { toHex } from '../../../src/core/digest.ts';
import { KiB } from '../../../src/core/sizes.ts';
import { parseRemnantKey } from '../../../src/format/remnant.ts';
import { waitForTurn } from '../../../src/publisher/prune/change-leases.ts';
import { ReleaseMarker } from '../../../src/publisher/prune/marked-releases.ts';
import { PackSurvey } from '../../../src/publisher/prune/pack-survey.ts';
import { prune } from '../../../src/publisher/prune/prune.ts';
import { publish } from '../../../src/publisher/publish.ts';
import { verifyRepository } from '../../../src/publisher/verify-repository.ts';
import type { Store } from '../../../src/store/store.ts';
import { openLedger, openReleases } from '../../../src/trust/unsigned-releases.ts';
import { collect } from '../../support/collect.ts';
import { datedStore } from '../../support/dated-store.ts';
import { withBeforeCall } from '../../support/memory-store.ts';
import { DAY, GRACE, TestClock } from '../../support/prune-bench.ts';
import { FAST } from '../../support/publish-bench.ts';
import { readIndex, rebuildImage } from '../../support/rebuild-image.ts';
import { seededBytes, seededRandom } from '../../support/seeded-bytes.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

class Killed extends Error {}

const HISTORIES = 6;
const STEPS = 30;

/** What the histories came to, all together. */
const reached = {
  remnants: 0,
  ofRemnants: 0,
  deletedPacks: 0,
  deletedRemnants: 0,
  wholeAgain: 0,
  outlived: 0,
  killed: 0,
};

test('whatever happens, kept releases rebuild from packs that were made smaller, and nothing is left in the end', async (t) => {
  for (let seed = 1; seed <= HISTORIES; seed += 1) await history(t, seed);
  t.log(reached);
  // Else the histories show less than they say.
  for (const [what, count] of Object.entries(reached)) t.true(count > 2, `${what}: ${count}`);
});

async function history(t: ExecutionContext<unknown>, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const upTo = (count: number): number => Math.floor(random() * count);
  const clock = new TestClock();
  const dated = await datedStore(t, clock);
  const store: Store = {
    ...dated,
    async putIfAbsent(key, body, options) {
      const number = parseRemnantKey(key)?.number ?? 0;
      const outcome = await dated.putIfAbsent(key, body, options);
      if (outcome === 'created' && number === 1) reached.remnants += 1;
      if (outcome === 'created' && number > 1) reached.ofRemnants += 1;
      return outcome;
    },
    async remove(key, options) {
      if (key.startsWith('packs/')) reached[parseRemnantKey(key) ? 'deletedRemnants' : 'deletedPacks'] += 1;
      await dated.remove(key, options);
    },
  };
  const directory = await temporaryDirectory(t);
  let versions = 0;
  let last: string[] = [];
  const all: string[] = [];

  const publishOne = async (to: Store): Promise<void> => {
    versions += 1;
    // Each piece is an image, and so a frame of its own; most releases have some of those before, and few that are new.
    const names = new Set(last.filter(() => random() < 0.75));
    if (names.size < 3) for (let i = 0; i < 12; i += 1) names.add(`${seed}-${versions}-${i}`);
    if (random() < 0.3) names.add(`${seed}-${versions}-new`);
    if (random() < 0.3) names.add(all[upTo(all.length)] ?? 'first');
    last = [...names];
    all.push(...last);
    const images = [...names].map((name) => ({ name, path: join(directory, randomUUID()) }));
    for (const { name, path } of images) await writeFile(path, seededBytes(`piece ${name}`, 9 * KiB));
    await publish(to, openLedger(to), {
      ...FAST,
      chunker: chunkerSpec('fastcdc-1', KiB),
      product: random() < 0.8 ? 'os' : 'app',
      version: `${versions}`,
      images,
      channel: random() < 0.15 ? 'stable' : undefined,
      temporaryDirectory: directory,
    });
  };
  const pruneOnce = async (from: Store, count = 1 + upTo(3)) =>
    await prune(from, openLedger(from), {
      keep: random() < 0.8 ? { last: count, channels: [], versions: [] } : undefined,
      repack: random() < 0.9 ? { below: 0.4 + random() / 2, freedBytes: 1 } : undefined,
      graceMs: GRACE,
      clock,
    });
  /** Runs it until one of its first calls, drawn by lot, from which on everything fails. */
  const killed = async (work: (on: Store) => Promise<unknown>): Promise<void> => {
    const end = 1 + upTo(120);
    const dying = withBeforeCall(store, (_call, _key, ordinal) => {
      if (ordinal >= end) throw new Killed();
    });
    await work(dying).catch(() => {
      reached.killed += 1;
    });
    await waitForTurn({ store, clock });
    clock.pass(2 * DAY);
  };
  const manifests = () => collect(openLedger(store).all());
  const check = async (what: string): Promise<void> => {
    const kept = await manifests();
    for (const { images } of kept) for (const image of images) await rebuildImage(store, image);
    const names = kept.map(({ product, version }) => ({ product, version }));
    const { damaged } = await verifyRepository(store, openReleases(store), names);
    t.deepEqual(damaged, [], `history ${seed}: ${what}`);
  };

  await publishOne(store);
  for (let step = 0; step < STEPS; step += 1) {
    const dice = random();
    if (dice < 0.3) await publishOne(store);
    else if (dice < 0.37) await killed(publishOne);
    else if (dice < 0.65) await pruneOnce(store);
    else if (dice < 0.75) await killed((on) => pruneOnce(on));
    else if (dice < 0.8) {
      const kept = await manifests();
      const { product, version } = kept[upTo(kept.length)] ?? { product: '', version: '' };
      await openLedger(store).point(product, 'stable', version);
    } else clock.pass(upTo(10) * DAY);
    await check(`step ${step}`);
    const survey = await openLedger(store).survey({});
    const packs = new PackSurvey(store, true, undefined);
    await packs.list();
    const marked = await new ReleaseMarker(store, undefined, undefined).mark(survey);
    for (const { remnants, inUse } of (await packs.standings(marked)).values()) {
      if (remnants.size > 0 && inUse === 0) reached.wholeAgain += 1;
    }
  }
  for (let run = 0; run < 4; run += 1) {
    await pruneOnce(store, 2);
    clock.pass(GRACE);
  }
  await prune(store, openLedger(store), { graceMs: GRACE, clock });
  await check('the end');
  const needed = new Set<string>();
  for (const { images } of await manifests()) {
    for (const image of images) {
      needed.add(`indexes/${image.index.sha256}`);
      for (const { digest } of (await readIndex(store, image)).head.packs)
        needed.add(`packs/${toHex(digest)}`);
    }
  }
  const found = (await collect(store.list(''))).map(({ key }) => key);
  const data = found.filter((key) => /^(packs|indexes|deltas)\//.test(key));
  const named = new Set(data.map((key) => parseRemnantKey(key)?.packKey ?? key));
  t.deepEqual([...named].sort(), [...needed].sort());
  for (const key of data) if (parseRemnantKey(key) !== undefined) reached.outlived += 1;
}
