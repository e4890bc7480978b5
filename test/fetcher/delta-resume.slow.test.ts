import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { addsUp } from '../support/adds-up.ts';
import { deltaTest, type PublishedDelta, payloadBytes } from '../support/delta-release.ts';
import { holdsImage } from '../support/holds-image.ts';
import { openKillStage } from '../support/killed-fetch.ts';
import { fetchFrom } from '../support/release-repository.ts';
import { seededBytes, seededRandom } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** Every 64 KiB something new, so that the delta is large, and still smaller than chunks. */
const STRETCH = 64 * KiB;
const base = seededBytes('resumed', 8 * MiB);
const image = Buffer.concat(
  Array.from({ length: base.length / STRETCH }, (_, i) => [
    base.subarray(i * STRETCH, (i + 1) * STRETCH),
    seededBytes(`resumed ${i}`, 50 * KiB),
  ]).flat(),
);

/** What may be on its way when the process dies; what is between the two ends' sockets comes on top. */
const MEMORY = 1 * MiB;
const REQUEST = 512 * KiB;
const LOST = MEMORY + REQUEST + 512 * KiB;
const bounds = { memoryBytes: MEMORY, costs: { requestBytes: 64 * KiB, maxBytes: REQUEST } };

const test = deltaTest({ old: base, new: image });

test('a fetch by a delta killed again and again gets there, and loses only what was on its way', async (t) => {
  const directory = await temporaryDirectory(t);
  const { fetch, killedAt, sentBytes } = await openKillStage(t, t.context.repository, /deltas/);
  const { entry } = t.context.deltas[0] as PublishedDelta;
  t.true(entry.size > 5 * MiB);
  const random = seededRandom(2027);
  for (const inPlace of [false, true]) {
    const [seed, output] = [join(directory, `seed ${inPlace}`), join(directory, `image ${inPlace}`)];
    await writeFile(seed, base);
    if (inPlace) await writeFile(output, seededBytes('what was there', image.length));
    const options = { ...bounds, output, inPlace, seeds: [seed] };
    const before = sentBytes();
    const rounds = 3;
    for (let round = 0; round < rounds; round++) await killedAt((1 + random()) * MiB, options);
    const killed = sentBytes() - before;
    const report = await fetch(options);
    await holdsImage(t, output, image);
    const all = sentBytes() - before;
    // The head is read by each of them.
    t.true(
      all <= entry.size + rounds * (LOST + entry.head.size),
      `${all - entry.size} bytes were fetched twice`,
    );
    t.is(all - killed, report.deltaBytes);
    t.is(report.windows.repaired, 0);
    t.true(report.bytesKept > 0);
    t.true(addsUp(report));
  }
});

test('payloads of windows that are there already are not asked for', async (t) => {
  const delta = t.context.deltas[0] as PublishedDelta;
  const { windows } = delta.head;
  const random = seededRandom(5);
  const somewhere = Array.from({ length: 4 }, () => Math.floor(random() * image.length));
  const boundary = windows[3]?.offset ?? 0;
  for (const end of [1, boundary, boundary - 1, ...somewhere, image.length - 1]) {
    const directory = await temporaryDirectory(t);
    const [seed, output] = [join(directory, 'seed'), join(directory, 'image')];
    await writeFile(seed, base);
    await mkdir(`${output}.silt-part`);
    const left = Buffer.from(image.subarray(0, end));
    // A block that did not reach the medium.
    const torn = Math.floor((random() * end) / (4 * KiB)) * 4 * KiB;
    left.fill(0, torn, Math.min(end, torn + 4 * KiB));
    await writeFile(join(`${output}.silt-part`, 'image'), left);
    const missing = windows.flatMap(({ offset, length }, i) =>
      Buffer.compare(left.subarray(offset, offset + length), image.subarray(offset, offset + length)) === 0
        ? []
        : [i],
    );
    const costs = { requestBytes: 0, maxBytes: 4 * MiB };
    const report = await fetchFrom(t.context.repository, { output, seeds: [seed], costs });
    await holdsImage(t, output, image, `ended at ${end}`);
    t.is(report.deltaBytes, delta.entry.head.size + payloadBytes(delta, missing));
    t.is(report.windows.kept, windows.length - missing.length);
    t.is(report.windows.repaired, 0);
    t.true(addsUp(report));
    t.deepEqual((await readdir(directory)).sort(), ['image', 'seed']);
  }
});
