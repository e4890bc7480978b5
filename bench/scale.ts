/**
 * A row of releases of a large image: what publishing each takes, and what a device that has any of them takes to
 * come to the last. Every image that was fetched is compared with what was published.
 *
 *     npm run bench:scale                                 ten releases of 4 GiB: some quarter of an hour
 *     npm run bench:scale -- --bytes 512MiB --releases 3
 *     npm run bench:scale -- --page docs/fleet-results.md writes the tables there
 *     npm run bench:scale -- --work DIRECTORY             where the images lie: six times their data at most
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { runSilt, serveRepository } from '../scripts/run-silt.ts';
import { formatSize, parseSize } from '../src/core/sizes.ts';
import type { FetchReport } from '../src/fetcher/fetch-report.ts';
import type { PublishReport } from '../src/publisher/publish-report.ts';
import { writeSection } from './replace-section.ts';
import { writeRelease } from './scale/sparse-image.ts';

const { values } = parseArgs({
  options: {
    bytes: { type: 'string', default: '4GiB' },
    releases: { type: 'string', default: '10' },
    page: { type: 'string' },
    work: { type: 'string', default: tmpdir() },
  },
});
const bytes = parseSize(values.bytes);
const releases = Number(values.releases);
if (!Number.isInteger(releases) || releases < 2) throw new Error('expected --releases to be 2 or more');

type Measured<T> = T & { readonly peakMemory: number };

const work = await mkdtemp(join(values.work, 'silt-scale-'));
const repository = join(work, 'repository');
const COMMON = ['--insecure', '--product', 'scale'];
const lines: string[] = [];
try {
  const source = join(work, 'image');
  const digests: string[] = [];
  say(
    `Releases of ${formatSize(bytes)}, ${availableParallelism()} processors, load ${load()} at the beginning.`,
  );
  say('');
  say(
    '| release | data written | seconds | peak memory | new objects | stored by it | objects in all | in all |',
  );
  say('|--:|--:|--:|--:|--:|--:|--:|--:|');
  for (let release = 1; release <= releases; release += 1) {
    const written = writeRelease(source, release, bytes);
    const report = await runSilt<Measured<PublishReport>>([
      ...['publish', '--image', `disk=${source}`, '--repo', repository, '--version', `${release}`],
      ...['--compression', 'zstd:3', ...COMMON],
    ]);
    digests.push(report.manifest.images[0]?.sha256 ?? '');
    const all = await sizeOf(repository);
    say(
      row(release, formatSize(written), report.seconds.toFixed(0), formatSize(report.peakMemory), [
        report.objectsUploaded,
        formatSize(report.bytesUploaded),
        all.objects,
        formatSize(all.bytes),
      ]),
    );
  }
  say('');
  say('| from release | fetched | of it index | requests | from seeds | seconds | peak memory |');
  say('|--:|--:|--:|--:|--:|--:|--:|');
  const server = await serveRepository(repository);
  try {
    for (let release = 0; release < releases; release += 1) {
      if (release > 0) writeRelease(source, release, bytes);
      await fetchFrom(release, source, server.url, digests.at(-1) ?? '');
    }
  } finally {
    await server.close();
  }
  if (values.page !== undefined) writeSection(values.page, 'scale', lines.join('\n'));
} finally {
  await rm(work, { recursive: true, force: true });
}

/** A device that holds `release` (0: nothing) at `seed` fetches the last. */
async function fetchFrom(release: number, seed: string, url: string, expected: string): Promise<void> {
  const place = join(work, 'device');
  await mkdir(place);
  const output = join(place, 'image');
  const seeds = release === 0 ? [] : ['--seed', seed];
  const report = await runSilt<Measured<FetchReport>>([
    ...['fetch', '--repo', url, '--output', output, '--state', join(place, 'state'), ...seeds, ...COMMON],
  ]);
  const hash = createHash('sha256');
  await pipeline(createReadStream(output), hash);
  if (hash.digest('hex') !== expected) throw new Error(`from release ${release}: another image was fetched`);
  await rm(place, { recursive: true });
  say(
    row(
      release === 0 ? 'none' : release,
      formatSize(report.bytesFetched),
      formatSize(report.indexBytes),
      report.requests,
      [formatSize(report.bytesFromSeeds), report.seconds.toFixed(0), formatSize(report.peakMemory)],
    ),
  );
}

async function sizeOf(directory: string): Promise<{ objects: number; bytes: number }> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  let sum = 0;
  for (const { parentPath, name } of files) sum += (await stat(join(parentPath, name))).size;
  return { objects: files.length, bytes: sum };
}

function row(...cells: readonly (string | number | readonly (string | number)[])[]): string {
  return `| ${cells.flat().join(' | ')} |`;
}

function load(): string {
  return (loadavg()[0] ?? 0).toFixed(1);
}

function say(line: string): void {
  console.log(line);
  lines.push(line);
}
