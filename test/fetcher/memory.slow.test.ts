import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { KiB, MiB } from '../../src/core/sizes.ts';
import type { FetchReport } from '../../src/fetcher/fetch-report.ts';
import { startStaticServer } from '../../src/server/static-server.ts';
import { PRODUCT, publishFile } from '../support/release-repository.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

const IMAGE_BYTES = 300 * MiB;

/**
 * 160 MiB are promised for the built program; stripping types from the sources takes some 30 MiB more, and
 * what the allocator keeps varies by ten.
 */
const BOUND = 200 * MiB;

/** Writes an image that compresses to three quarters, and gives its digest. */
async function writeImage(path: string): Promise<string> {
  const file = await open(path, 'w');
  const digest = createHash('sha256');
  for (let at = 0, part = 0; at < IMAGE_BYTES; at += 12 * MiB, part++) {
    const bytes = Buffer.from(
      Buffer.from(seededBytes(`memory ${part}`, 9 * MiB)).toString('base64'),
      'latin1',
    );
    digest.update(bytes.subarray(0, IMAGE_BYTES - at));
    await file.write(bytes.subarray(0, IMAGE_BYTES - at));
  }
  await file.close();
  return digest.digest('hex');
}

test('a first install of a large image takes little memory', async (t) => {
  t.timeout(180_000);
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'image');
  const expected = await writeImage(path);
  const repository = join(directory, 'repository');
  await publishFile(repository, 'new', path, 4 * KiB, 2);
  await rm(path);
  const server = await startStaticServer(repository, { graceMs: 0 });
  t.teardown(() => server.close());
  const options = ['--insecure', '--repo', server.url, '--product', PRODUCT, '--output', path, '--json'];
  // By way of a shell, which is small: a process begins with the peak of the one that started it.
  const command = ['-c', '"$0" "$@"; exit $?', process.execPath, main, 'fetch', ...options];
  const { stdout } = await promisify(execFile)('sh', command, {
    env: { ...process.env, XDG_STATE_HOME: join(directory, 'state') },
  });
  const report = JSON.parse(stdout) as FetchReport & { peakMemory: number };
  t.is(report.imageSize, IMAGE_BYTES);
  t.true(report.dataBytes > 200 * MiB);
  const found = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: MiB }), found);
  t.is(found.digest('hex'), expected);
  t.log(`${Math.round(report.peakMemory / MiB)} MiB, ${report.seconds.toFixed(1)} s`);
  t.true(report.peakMemory > 0 && report.peakMemory < BOUND, `${Math.round(report.peakMemory / MiB)} MiB`);
});
