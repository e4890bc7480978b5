import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KiB, MiB } from '../../src/core/sizes.ts';
import { holdsImage } from '../support/holds-image.ts';
import { openKillStage } from '../support/killed-fetch.ts';
import { repositoryTest } from '../support/repository-test.ts';
import { seededBytes, seededRandom } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const image = Buffer.concat([
  seededBytes('killed a', 5 * MiB),
  Buffer.alloc(MiB),
  seededBytes('killed b', 7 * MiB),
  seededBytes('killed a', MiB),
]);
const DATA = 12 * MiB;

/** What may be on its way when the process dies; what is between the two ends' sockets comes on top. */
const MEMORY = 3 * MiB;
const REQUEST = 1 * MiB;
const LOST = MEMORY + REQUEST + 512 * KiB;
const bounds = { memoryBytes: MEMORY, costs: { requestBytes: 64 * KiB, maxBytes: REQUEST } };

const test = repositoryTest({ new: image });

const random = seededRandom(2026);
const points = Array.from({ length: 7 }, (_, i) => Math.floor(((i + random()) / 7) * DATA));

for (const point of points) {
  test(`a fetch killed after ${point} bytes of data loses no more than was on its way`, async (t) => {
    const directory = await temporaryDirectory(t);
    const { fetch, killedAt, sentBytes: packBytes } = await openKillStage(t, t.context.repository, /packs/);
    for (const inPlace of [false, true]) {
      const output = join(directory, `image ${inPlace}`);
      const options = { ...bounds, output, inPlace };
      if (inPlace) await writeFile(output, seededBytes('what was there', 13 * MiB));
      const before = packBytes();
      await killedAt(point, options);
      const killed = packBytes() - before;
      t.true(killed >= point && killed < DATA + REQUEST);
      const report = await fetch(options);
      await holdsImage(t, output, image);
      const all = packBytes() - before;
      t.true(all <= DATA + LOST, `${all - DATA} bytes were fetched twice`);
      t.is(all - killed, report.dataBytes);
      t.is(report.windows.repaired, 0);
      if (point > LOST + 4 * MiB) t.true(report.bytesKept > 0);
    }
  });
}

test('a fetch killed again and again gets there', async (t) => {
  const output = join(await temporaryDirectory(t), 'image');
  const { fetch, killedAt, sentBytes: packBytes } = await openKillStage(t, t.context.repository, /packs/);
  const options = { ...bounds, output };
  const rounds = 3;
  for (let round = 0; round < rounds; round++) await killedAt(4 * MiB, options);
  const report = await fetch(options);
  await holdsImage(t, output, image);
  t.true(packBytes() <= DATA + rounds * LOST);
  t.true(report.bytesKept > 0);
});
