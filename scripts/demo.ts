/**
 * The demo, `npm run demo`: two real releases of a large npm package are published and served; a "device"
 * installs the first, updates to the second from what it has, is killed in the middle of both, resumes, and
 * ends with every byte as published. All through the command line, over HTTP. Fails when anything differs.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { createReadStream, rmSync, statSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import { alignRows } from '../src/cli/align-rows.ts';
import { formatSize } from '../src/core/sizes.ts';
import type { FetchReport } from '../src/fetcher/fetch-report.ts';
import type { PublishReport } from '../src/publisher/publish-report.ts';
import { type PackedTar, packTar } from './pack-tar.ts';
import { runSilt, type ServedRepository, serveRepository, startSilt } from './run-silt.ts';

type Measured<T> = T & { readonly peakMemory: number };
type Fetched = Measured<FetchReport>;

interface DemoRelease extends PackedTar {
  readonly version: string;
  readonly path: string;
  /** Of the whole, as zstd -19 does it. */
  readonly compressed: number;
}

/** What the device is to have, and from what. */
interface Job {
  readonly name: string;
  readonly release: DemoRelease;
  readonly seeds: readonly string[];
}

const directory = await mkdtemp(join(tmpdir(), 'silt-demo-'));
const inside = (...parts: string[]): string => join(directory, ...parts);
// Ctrl-C reaches the children as well; what is left to do is to tidy up.
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const say = (line: string): void => void process.stdout.write(`${line}\n`);
let server: ServedRepository | undefined;
try {
  const [old, next] = await Promise.all([pack('demo-old'), pack('demo-new')]);
  await publish(old);
  await publish(next);
  await checkRepository();
  server = await serveRepository(inside('repository'));
  say(`serving it at ${server.url}\n`);
  const install: Job = { name: 'first install', release: old, seeds: [] };
  const update: Job = { name: 'update', release: next, seeds: ['--seed', inside('device.tar')] };
  const rows: [Job, string, Fetched][] = [];
  for (const [job, file] of [
    [install, 'device.tar'],
    [update, 'updated.tar'],
  ] as const) {
    rows.push([job, job.name, await fetchAtOnce(server, job, file)]);
    rows.push([job, `${job.name}, resumed`, await fetchKilled(server, job, 'killed.tar')]);
  }
  say('');
  for (const line of table(rows)) say(line);
  say('\nA resumed row is what the second run did, after the first had been killed.');
  say('Every image has the SHA-256 of what was published.');
} catch (error) {
  process.stderr.write(`the demo failed: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
} finally {
  await server?.close();
}

/** One release as a tar, from the aliased dev dependency `name`. */
async function pack(name: string): Promise<DemoRelease> {
  const source = fileURLToPath(new URL(`../node_modules/${name}`, import.meta.url));
  const manifest = JSON.parse(await readFile(join(source, 'package.json'), 'utf8')) as Record<string, string>;
  const version = String(manifest.version);
  const path = inside(`${version}.tar`);
  const packed = await packTar(source, 'package', path);
  const params = { [constants.ZSTD_c_compressionLevel]: 19 };
  const { length } = await promisify(zstdCompress)(await readFile(path), { params });
  say(`packed ${manifest.name} ${version}: ${formatSize(packed.size)}, ${formatSize(length)} as zstd -19`);
  return { ...packed, version, path, compressed: length };
}

async function publish({ version, path }: DemoRelease): Promise<void> {
  const release = ['--product', 'demo', '--version', version, '--image', `tar=${path}`];
  const args = ['publish', '--repo', inside('repository'), ...release, '--channel', 'stable'];
  const report = await runSilt<Measured<PublishReport>>(args);
  say(
    `published ${version}: ${report.newChunks} of ${report.chunks} chunks new, ` +
      `${formatSize(report.bytesUploaded)} stored, ${report.seconds.toFixed(1)} s, ${formatSize(report.peakMemory)}`,
  );
}

async function checkRepository(): Promise<void> {
  const { damaged } = await runSilt<{ damaged: unknown[] }>(['verify', '--repo', inside('repository')]);
  if (damaged.length > 0) throw new Error('the repository is damaged');
}

function fetchArguments(from: ServedRepository, { release, seeds }: Job, output: string): string[] {
  const wanted = ['--product', 'demo', '--version', release.version, '--image', 'tar'];
  const places = ['--output', inside(output), '--state', inside('state')];
  return ['fetch', '--repo', from.url, ...wanted, ...places, ...seeds];
}

async function fetchAtOnce(from: ServedRepository, job: Job, output: string): Promise<Fetched> {
  const report = await runSilt<Fetched>(fetchArguments(from, job, output));
  await requireSame(inside(output), job.release);
  say(`${job.name}: ${formatSize(report.bytesFetched)} downloaded, the image is the same`);
  return report;
}

/**
 * Kills the fetch (SIGKILL) when half of the image is there, and runs it again. On a fast machine it may
 * get done first, so there is more than one try.
 */
async function fetchKilled(from: ServedRepository, job: Job, output: string): Promise<Fetched> {
  const { release, name } = job;
  for (let attempt = 1; ; attempt += 1) {
    await rm(inside(output), { force: true });
    const written = await startAndKill(fetchArguments(from, job, output), inside(output), release.size / 2);
    if (written !== undefined) {
      const share = ((written / release.size) * 100).toFixed(0);
      say(`${name} once more: killed with ${share} % of the image written`);
      break;
    }
    if (attempt === 10) throw new Error(`${name}: done before it could be killed, ten times`);
  }
  const report = await runSilt<Fetched>(fetchArguments(from, job, output));
  await requireSame(inside(output), release);
  if (report.bytesKept === 0) throw new Error(`${name}: nothing was kept of the killed run`);
  say(
    `  run again: ${formatSize(report.bytesKept)} of the image kept, ` +
      `${formatSize(report.bytesFetched)} downloaded, the image is the same`,
  );
  await rm(inside(output));
  return report;
}

/** Bytes written when it was killed; `undefined` when it was done first. */
async function startAndKill(args: string[], output: string, bytes: number): Promise<number | undefined> {
  const child = startSilt([...args, '--quiet']);
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const part = join(`${output}.silt-part`, 'image');
  let size = 0;
  while (size < bytes && child.exitCode === null) {
    await wait(1);
    size = statSync(part, { throwIfNoEntry: false })?.size ?? 0;
  }
  child.kill('SIGKILL');
  await ended;
  return child.signalCode === 'SIGKILL' ? statSync(part).size : undefined;
}

async function requireSame(path: string, { sha256 }: DemoRelease): Promise<void> {
  const digest = createHash('sha256');
  await pipeline(createReadStream(path), digest);
  const found = digest.digest('hex');
  if (found !== sha256) throw new Error(`${path}: expected SHA-256 ${sha256}, found ${found}`);
}

function table(rows: readonly (readonly [Job, string, Fetched])[]): string[] {
  const head = ['', 'full size', 'zstd -19', 'downloaded', 'of full', 'requests', 'seconds', 'peak memory'];
  const body = rows.map(([{ release }, name, fetched]) => [
    name,
    formatSize(release.size),
    formatSize(release.compressed),
    formatSize(fetched.bytesFetched),
    `${((fetched.bytesFetched / release.size) * 100).toFixed(2)} %`,
    String(fetched.requests),
    fetched.seconds.toFixed(1),
    formatSize(fetched.peakMemory),
  ]);
  return alignRows([head, ...body], 1);
}
