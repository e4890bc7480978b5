/**
 * The bound of publisher memory, held to an image larger than the bound.
 */
import { createCipheriv } from 'node:crypto';
import { open, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { GiB, MiB } from '../../src/core/sizes.ts';
import { startPublish } from '../support/start-publish.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const BOUND = 700 * MiB;
const IMAGE_BYTES = 800 * MiB;
const NEEDED_SPACE = 4 * GiB;

/** A file of the stream AES-256-CTR: incompressible, the same in every run, and quickly made. */
async function writeNoise(path: string, bytes: number): Promise<void> {
  const cipher = createCipheriv('aes-256-ctr', Buffer.alloc(32, 'silt'), Buffer.alloc(16));
  const zeros = Buffer.alloc(8 * MiB);
  await using file = await open(path, 'w');
  for (let at = 0; at < bytes; at += zeros.length) {
    await file.writeFile(cipher.update(zeros.subarray(0, Math.min(zeros.length, bytes - at))));
  }
}

test('publishing an image of 800 MiB takes less than 700 MiB of memory', async (t) => {
  const directory = await temporaryDirectory(t);
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize < NEEDED_SPACE) {
    t.log(`skipped: ${directory} has less than ${NEEDED_SPACE / GiB} GiB free`);
    t.pass();
    return;
  }
  const image = join(directory, 'image');
  await writeNoise(image, IMAGE_BYTES);
  const { answer } = startPublish(t, {
    repository: join(directory, 'repository'),
    temporaryDirectory: directory,
    version: '1',
    images: { image },
    workers: 2,
  });
  const outcome = await answer;
  if (outcome === undefined || !('peakMemory' in outcome)) {
    t.fail(JSON.stringify(outcome));
    return;
  }
  t.log(`${Math.round(outcome.peakMemory / MiB)} MiB at most`);
  t.true(outcome.peakMemory < BOUND);
});
