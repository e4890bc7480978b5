import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { KiB } from '../../src/core/sizes.ts';
import { addsUp } from '../support/adds-up.ts';
import {
  codedWindows,
  type DeltaRepository,
  deltaBase,
  deltaImage,
  deltaTest,
  type PublishedDelta,
  payloadBytes,
} from '../support/delta-release.ts';
import { holdsImage } from '../support/holds-image.ts';
import { loopDevice } from '../support/loop-device.ts';
import { type ServedRepository, serveRepository } from '../support/release-repository.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const test = deltaTest({ old: deltaBase, new: deltaImage });

interface Stage extends ServedRepository {
  readonly directory: string;
  readonly seed: string;
  readonly output: string;
  readonly delta: PublishedDelta;
}

async function openStage(t: ExecutionContext<DeltaRepository>, seedBytes: Uint8Array): Promise<Stage> {
  const directory = await temporaryDirectory(t);
  const [seed, output] = [join(directory, 'seed'), join(directory, 'image')];
  await writeFile(seed, seedBytes);
  const delta = t.context.deltas[0] as PublishedDelta;
  return { ...(await serveRepository(t, t.context.repository)), directory, seed, output, delta };
}

test('an update takes head and payloads of the delta, and level 2 and frames of no window that it has', async (t) => {
  const { proxy, fetch, seed, output, delta } = await openStage(t, deltaBase);
  const report = await fetch({ output, seeds: [seed] });
  await holdsImage(t, output, deltaImage);
  const coded = codedWindows(delta);
  t.true(coded.length > 8);
  t.is(report.windows.delta, coded.length);
  t.is(report.deltaBytes, delta.entry.head.size + payloadBytes(delta, coded));
  t.is(report.deltaBytes, delta.entry.size);
  t.is(
    report.bytesFromDelta,
    coded.reduce((sum, i) => sum + (delta.head.windows[i]?.length ?? 0), 0),
  );
  t.is(report.windows.rebuilt, 0);
  t.is(report.indexBytes, delta.indexHeadSize);
  t.is(report.dataBytes, 0);
  t.is(report.windows.repaired, 0);
  t.is(report.deltaProblem, undefined);
  t.true(addsUp(report));
  t.deepEqual(proxy.count(), { requests: report.requests, bytes: report.bytesFetched });
  // Head and payloads.
  t.is(proxy.count(/deltas/).requests, 2);
});

test('without the delta it takes more, and asks nothing of it', async (t) => {
  const { proxy, fetch, seed, output, delta } = await openStage(t, deltaBase);
  const report = await fetch({ output, seeds: [seed], delta: false });
  await holdsImage(t, output, deltaImage);
  t.is(proxy.count(/deltas/).requests, 0);
  t.is(report.windows.delta, 0);
  t.is(report.bytesFromDelta + report.deltaBytes, 0);
  t.true(report.dataBytes + report.indexBytes > delta.entry.size + delta.indexHeadSize + 100 * KiB);
  t.true(addsUp(report));
});

test('a dry run tells what the delta takes, and takes its head', async (t) => {
  const { proxy, fetch, seed, output, delta } = await openStage(t, deltaBase);
  const plan = await fetch({ output, seeds: [seed], dryRun: true });
  t.is(proxy.count(/deltas/).bytes, delta.entry.head.size);
  const done = await fetch({ output, seeds: [seed] });
  for (const member of ['bytesFetched', 'requests', 'deltaBytes', 'indexBytes', 'bytesFromDelta'] as const) {
    t.is(plan[member], done[member], member);
  }
  t.deepEqual(plan.windows, done.windows);
  t.true(addsUp(plan));
});

test('a first install, and a seed of another size, ask nothing of the delta', async (t) => {
  for (const bytes of [seededBytes('one byte less', deltaBase.length - 1), new Uint8Array()]) {
    const { proxy, fetch, seed, output } = await openStage(t, bytes);
    const report = await fetch({ output, seeds: [seed] });
    await holdsImage(t, output, deltaImage);
    t.is(proxy.count(/deltas/).requests, 0);
    t.is(report.deltaProblem, undefined);
  }
});

test('the file that is replaced is a Base; a file that is written in place is not', async (t) => {
  const { fetch, seed, output, delta } = await openStage(t, deltaBase);
  await writeFile(output, deltaBase);
  const replaced = await fetch({ output });
  await holdsImage(t, output, deltaImage);
  t.is(replaced.windows.delta, codedWindows(delta).length);
  await writeFile(output, deltaBase);
  const inPlace = await fetch({ output, inPlace: true });
  await holdsImage(t, output, deltaImage);
  t.is(inPlace.deltaBytes, 0);
  await writeFile(output, deltaBase);
  const beside = await fetch({ output, inPlace: true, seeds: [seed] });
  await holdsImage(t, output, deltaImage);
  t.true(beside.windows.delta > 0, 'the seed does not change');
  t.true(addsUp(beside));
});

test('with little memory the payloads come as they are needed', async (t) => {
  const { proxy, fetch, seed, output, delta } = await openStage(t, deltaBase);
  const costs = { requestBytes: 0, maxBytes: KiB };
  const report = await fetch({ output, seeds: [seed], memoryBytes: 1, parallel: 1, costs });
  await holdsImage(t, output, deltaImage);
  t.is(report.deltaBytes, delta.entry.size);
  t.true(proxy.count(/deltas/).requests > 3);
});

test('a slot larger than the image it holds is a Base, with the index saved when it was installed', async (t) => {
  const { fetch, directory, delta } = await openStage(t, new Uint8Array());
  const stateDirectory = join(directory, 'state');
  const a = await loopDevice(t, 12 * 1024 * KiB);
  if (a === undefined) return;
  const b = await loopDevice(t, 13 * 1024 * KiB);
  if (b === undefined) return;
  await fetch({ output: a, stateDirectory, selector: { version: 'old' } });
  const report = await fetch({ output: b, stateDirectory, seeds: [a] });
  t.is(report.windows.delta, codedWindows(delta).length);
  t.is(report.windows.repaired, 0);
  const again = await fetch({ output: b, stateDirectory });
  t.true(again.upToDate);
  t.is(again.deltaBytes, 0);
});
