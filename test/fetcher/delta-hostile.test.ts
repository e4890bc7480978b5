import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { sha256 } from '../../src/core/digest.ts';
import { KiB, MiB } from '../../src/core/sizes.ts';
import type { FetchReport } from '../../src/fetcher/fetch-report.ts';
import { addsUp } from '../support/adds-up.ts';
import {
  type DeltaRepository,
  deltaBase,
  deltaImage,
  deltaTest,
  type PublishedDelta,
} from '../support/delta-release.ts';
import { holdsImage } from '../support/holds-image.ts';
import { type FetchRequest, fetchFrom, serveRepository } from '../support/release-repository.ts';
import { type ReplacedWindow, type Replacement, replaceDelta } from '../support/replace-delta.ts';
import { seededBytes, seededRandom } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

/** Deltas that are not what the manifest says, or of no use: the image comes out all the same. */

const test = deltaTest({ old: deltaBase, new: deltaImage });
type Test = ExecutionContext<DeltaRepository>;

/** A delta of these windows, for the images of the release. */
function deltaOf(t: Test, sourceOf: (window: number, length: number) => ReplacedWindow): Replacement {
  const { head } = t.context.deltas[0] as PublishedDelta;
  const windows = head.windows.map(({ length }, i) => ({ length, source: sourceOf(i, length) }));
  return { head: { base: head.base, target: head.target, transforms: [] }, windows };
}

/** Fetches from a repository with that delta; the image comes out, and the bytes add up. */
async function fetchWith(
  t: Test,
  delta: Replacement,
  request: Partial<FetchRequest> = {},
  { seedBytes = deltaBase, size }: { seedBytes?: Uint8Array; size?: number } = {},
): Promise<FetchReport> {
  const directory = await temporaryDirectory(t);
  const [seed, output] = [join(directory, 'seed'), join(directory, 'image')];
  await writeFile(seed, seedBytes);
  const { fetch } = await serveRepository(t, await replaceDelta(t, t.context.repository, delta, size));
  const report = await fetch({ output, seeds: [seed], ...request });
  await holdsImage(t, output, deltaImage);
  t.true(addsUp(report));
  await rm(directory, { recursive: true, force: true });
  return report;
}

/** How many windows no seed holds whole. */
function changedWindows(t: Test): number {
  const { head } = t.context.deltas[0] as PublishedDelta;
  return head.windows.filter(({ source }) => source.kind === 'coded').length;
}

const payload = (length: number, window: number): ReplacedWindow => ({
  kind: 'coded',
  payload: seededBytes(`payload ${window}`, length),
});

test('payloads that are none give way to chunks', async (t) => {
  const report = await fetchWith(
    t,
    deltaOf(t, (window) => payload(100 + window, window)),
  );
  t.is(report.windows.repaired, changedWindows(t));
  t.is(report.deltaProblem, undefined, 'it cost next to nothing');
});

test('a seed that has nothing of the Base but its size costs no more than the head', async (t) => {
  const PAYLOAD = 100 * KiB;
  const delta = deltaOf(t, (window, length) => payload(Math.min(length, PAYLOAD), window));
  const nothing = seededBytes('nothing of it', deltaBase.length);
  const report = await fetchWith(t, delta, { memoryBytes: 64 * MiB }, { seedBytes: nothing });
  t.true(report.deltaBytes <= 2 * KiB, `${report.deltaBytes}`);
  t.is(report.windows.repaired, 0);
});

test('copies from elsewhere, and zeros that are none, give way to chunks', async (t) => {
  const copies = await fetchWith(
    t,
    deltaOf(t, () => ({ kind: 'copy', from: 1000 })),
  );
  t.is(copies.windows.repaired, changedWindows(t));
  const zeros = await fetchWith(
    t,
    deltaOf(t, () => ({ kind: 'zero' })),
  );
  t.is(zeros.windows.repaired, 0);
  t.is(zeros.windows.zero, 1, 'the Index knows better');
});

test('windows that the delta leaves out, or whose transform is unknown, come from chunks', async (t) => {
  const chunks = await fetchWith(
    t,
    deltaOf(t, () => ({ kind: 'none' })),
  );
  t.is(chunks.windows.delta, 0);
  const { head, windows } = deltaOf(
    t,
    (window) => ({ ...payload(1000, window), transform: 1 }) as ReplacedWindow,
  );
  const transformed = await fetchWith(t, { windows, head: { ...head, transforms: ['of-tomorrow-1'] } });
  t.is(transformed.windows.delta, 0);
  t.is(transformed.dataBytes, chunks.dataBytes);
  t.is(transformed.windows.repaired, 0);
});

test('a delta damaged where it lies gives way to chunks from there on', async (t) => {
  const directory = await temporaryDirectory(t);
  const repository = join(directory, 'repository');
  const seed = join(directory, 'seed');
  await writeFile(seed, deltaBase);
  await cp(t.context.repository, repository, { recursive: true });
  const { entry } = t.context.deltas[0] as PublishedDelta;
  const path = join(repository, 'deltas', entry.sha256);
  const whole = await readFile(path);
  const random = seededRandom(31);
  const places = [0, 9, entry.head.size - 1, entry.head.size, whole.length - 1];
  for (let round = 0; round < 4; round++) places.push(Math.floor(random() * whole.length));
  for (const [round, at] of places.entries()) {
    const flipped = Buffer.from(whole);
    flipped.writeUInt8((flipped[at] ?? 0) ^ (1 << (at % 8)), at);
    for (const damaged of [flipped, whole.subarray(0, at)]) {
      await writeFile(path, damaged);
      const output = join(directory, `${round} ${damaged.length}`);
      const report = await fetchFrom(repository, { output, seeds: [seed] });
      await holdsImage(t, output, deltaImage, `at ${at}`);
      t.regex(report.deltaProblem ?? '', new RegExp(entry.sha256));
      t.is(report.windows.repaired, 0);
      t.true(addsUp(report));
      await rm(output);
    }
  }
});

test('a delta for other images is not used, and the report says so', async (t) => {
  const { head, windows } = deltaOf(t, () => ({ kind: 'copy', from: 0 }));
  const other = { size: head.target.size, digest: sha256(Buffer.from('other')) };
  const shifted = windows.map(({ length, source }, i) => ({
    length: length + (i === 0 ? 1 : i === windows.length - 1 ? -1 : 0),
    source,
  }));
  const coded = deltaOf(t, (window) => payload(1000, window));
  for (const report of [
    await fetchWith(t, { windows, head: { ...head, target: other } }),
    await fetchWith(t, { windows: shifted, head }),
    // Payloads that lie behind the end of the delta.
    await fetchWith(t, coded, {}, { size: 2000 }),
  ]) {
    t.regex(report.deltaProblem ?? '', /is not for the images that the manifest says/);
    t.is(report.windows.delta + report.windows.repaired, 0);
  }
});

test('a plan with a delta that exceeds the budget gives way to one without', async (t) => {
  const delta = deltaOf(t, (window, length) => payload(length, window));
  const output = join(await temporaryDirectory(t), 'image');
  const seed = join(await temporaryDirectory(t), 'seed');
  await writeFile(seed, deltaBase);
  const { fetch } = await serveRepository(t, t.context.repository);
  const chunks = await fetch({ output, seeds: [seed], delta: false, dryRun: true });
  const budget = { maxBytes: chunks.bytesFetched + 2 * KiB };
  const report = await fetchWith(t, delta, { budget });
  t.is(report.windows.delta, 0);
  t.is(report.windows.rebuilt, chunks.windows.rebuilt);
  t.regex(report.deltaProblem ?? '', /the budget is/);
  t.true(report.bytesFetched <= budget.maxBytes);
  await throwsSilt(
    t,
    () => fetchWith(t, delta, { budget: { maxBytes: chunks.bytesFetched - KiB } }),
    'OVER_BUDGET',
  );
});
