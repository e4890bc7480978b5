/**
 * The demo, `npm run demo`: keys are made, two real releases of a large npm package are signed with them,
 * published and served; a "device" that has the root of trust and nothing else installs the first, updates to
 * the second from what it has, is killed in the middle of both, resumes, and ends with every byte as published;
 * it refuses what was tampered with. All through the command line, over HTTP. Fails when anything differs.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { createReadStream, rmSync, statSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
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
import { refusedSilt, runSilt, type ServedRepository, serveRepository, startSilt } from './run-silt.ts';

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
  await makeKeys();
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
  await refuseTampered(server, update);
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

/** Keys and a root of trust, and an empty signed repository. */
async function makeKeys(): Promise<void> {
  await runSilt(['keys', 'init', inside('keys'), '--repo', inside('repository'), '--product', 'demo']);
  say('made keys for root, targets, snapshot, timestamp and the product, and signed an empty repository');
}

async function publish({ version, path }: DemoRelease): Promise<void> {
  const release = ['--product', 'demo', '--version', version, '--image', `tar=${path}`];
  const place = ['--repo', inside('repository'), '--keys', inside('keys')];
  const args = ['publish', ...place, ...release, '--channel', 'stable'];
  const report = await runSilt<Measured<PublishReport>>(args);
  say(
    `published and signed ${version}: ${report.newChunks} of ${report.chunks} chunks new, ` +
      `${formatSize(report.bytesUploaded)} stored, ${report.seconds.toFixed(1)} s, ${formatSize(report.peakMemory)}`,
  );
}

async function checkRepository(): Promise<void> {
  const { damaged } = await runSilt<{ damaged: unknown[] }>([
    ...['verify', '--repo', inside('repository'), '--root', rootOfTrust(), '--state', inside('office')],
  ]);
  if (damaged.length > 0) throw new Error('the repository is damaged');
}

/** What a factory puts on a device. */
function rootOfTrust(): string {
  return inside('keys', 'root.json');
}

function fetchArguments(from: ServedRepository, { release, seeds }: Job, output: string): string[] {
  const wanted = ['--product', 'demo', '--version', release.version, '--image', 'tar'];
  const places = ['--output', inside(output), '--state', inside('state')];
  return ['fetch', '--repo', from.url, '--root', rootOfTrust(), ...wanted, ...places, ...seeds];
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

/** Whoever can write to the repository changes one byte: of the timestamp, then of the manifest. */
async function refuseTampered(from: ServedRepository, job: Job): Promise<void> {
  const targets = inside('repository', 'targets', 'demo');
  const manifest = (await readdir(targets)).find((name) => name.endsWith(`.${job.release.version}.json`));
  const altered = {
    timestamp: inside('repository', 'metadata', 'timestamp.json'),
    manifest: join(targets, `${manifest}`),
  };
  for (const [what, path] of Object.entries(altered)) {
    const bytes = await readFile(path);
    await writeFile(path, withAlteredDigit(bytes));
    // A device that has seen nothing yet, so that it asks for all of it.
    const state = ['--state', inside(`state of ${what}`)];
    const { code, exit } = await refusedSilt([...fetchArguments(from, job, 'tampered.tar'), ...state]);
    if (exit !== 12) throw new Error(`an altered ${what} ended with ${exit}, ${code}`);
    say(`refused an altered ${what}: ${code}`);
    await writeFile(path, bytes);
  }
}

/** One digit of a digest becomes another. */
function withAlteredDigit(json: Buffer): Buffer {
  const at = json.indexOf('sha256":"') + 'sha256":"'.length;
  const altered = Buffer.from(json);
  altered[at] = json[at] === 0x30 ? 0x31 : 0x30;
  return altered;
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
