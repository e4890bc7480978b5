import { readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { sha256Hex } from '../../src/core/digest.ts';
import { KiB, MiB } from '../../src/core/sizes.ts';
import type { ApplyReport } from '../../src/differ/apply-delta.ts';
import type { DiffReport } from '../../src/differ/delta.ts';
import type { DeltaSummary } from '../../src/differ/describe-delta.ts';
import { handMadeDelta } from '../support/hand-made-delta.ts';
import { type Cli, createCli, resultOf } from '../support/run-cli.ts';
import { sampleData } from '../support/sample-data.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

const old = sampleData('text', 300 * KiB, 8);
const image = Buffer.concat([
  old.subarray(0, 100_000),
  seededBytes('cli delta', 2000),
  old.subarray(100_000, 200_000).map((byte, at) => (at % 99 === 0 ? byte + 1 : byte)),
  Buffer.alloc(128 * KiB),
]);

async function openShop(t: ExecutionContext<unknown>): Promise<Cli> {
  const cli = await createCli(t);
  await writeFile(join(cli.directory, 'old.img'), old);
  await writeFile(join(cli.directory, 'new.img'), image);
  return cli;
}

const DIFF = ['delta', 'diff', 'old.img', 'new.img', 'up.delta', '--window-size', '64KiB'];
const PATCH = ['delta', 'patch', 'old.img', 'up.delta', 'out.img'];

test('a delta is made, explained and applied', async (t) => {
  const { directory, run } = await openShop(t);
  const json = async <T>(...args: string[]): Promise<T> => {
    const { status, stdout, stderr } = await run(...args, '--json');
    t.is(stderr, '');
    t.is(status, 0);
    return JSON.parse(stdout) as T;
  };
  const made = await json<DiffReport & { peakMemory: number }>(...DIFF, '--workers', '1');
  t.like(made, { baseSize: old.length, imageSize: image.length });
  t.true(made.size < 20_000 && made.peakMemory > 0);
  const summary = await json<DeltaSummary>('delta', 'info', 'up.delta', '--windows');
  t.like(summary, {
    size: made.size,
    base: { size: old.length, sha256: sha256Hex(old) },
    target: { size: image.length, sha256: sha256Hex(image) },
    checks: true,
  });
  t.deepEqual({ ...summary.windows }, { ...made.windows });
  t.is(summary.allWindows?.length, Math.ceil(image.length / (64 * KiB)));
  t.is(summary.bytes.head, made.head.size);
  t.like(await json('inspect', 'up.delta'), { kind: 'delta', size: made.size });
  const report = await json<ApplyReport & { peakMemory: number }>(...PATCH);
  t.like(report, { sha256: sha256Hex(image), imageSize: image.length, patchSize: made.size });
  t.true(report.peakMemory > 0);
  t.deepEqual(await readFile(join(directory, 'out.img')), image);
  t.deepEqual((await readdir(directory)).sort(), ['new.img', 'old.img', 'out.img', 'tmp', 'up.delta']);
});

test('people are told what came of it', async (t) => {
  const { run } = await openShop(t);
  const made = await run(...DIFF);
  t.regex(made.stdout, /^up\.delta is written\n {2}size .* % of the new image\n/);
  const info = await run('delta', 'info', 'up.delta');
  t.regex(info.stdout, /^delta\n {2}size /);
  t.regex(
    info.stdout,
    /\nwhere its bytes went\n {2}head .*\n {2}control .*\n {2}differences .*\n {2}literals /,
  );
  t.regex(info.stdout, /\nlargest windows\n {2}at \d+ .* coded /);
  const inspected = await run('inspect', 'up.delta');
  t.is(inspected.stdout, info.stdout);
  const patched = await run(...PATCH);
  t.regex(patched.stdout, /^out\.img is complete, verified\n/);
  t.is((await run(...PATCH, '--quiet')).stdout, '');
});

test('the same images give the same bytes, whatever the number of workers', async (t) => {
  const { directory, run } = await openShop(t);
  await run(...DIFF, '--workers', '1');
  const one = await readFile(join(directory, 'up.delta'));
  await run(...DIFF, '--workers', '2');
  t.deepEqual(await readFile(join(directory, 'up.delta')), one);
});

test('each failure has its exit status, and loses nothing', async (t) => {
  const { directory, run } = await openShop(t);
  await writeFile(join(directory, 'up.delta'), handMadeDelta(old, old.subarray(5), 32 * KiB));
  await writeFile(join(directory, 'other.img'), seededBytes('other', old.length));
  const fails = async (status: number, ...args: string[]): Promise<string> => {
    const result = await run(...args, '--json');
    t.is(result.stdout, '');
    t.is(result.status, status, result.stderr);
    return (JSON.parse(result.stderr) as { error: { code: string } }).error.code;
  };
  t.is(await fails(16, 'delta', 'patch', 'new.img', 'up.delta', 'out.img'), 'BASE_MISMATCH');
  t.is(await fails(16, 'delta', 'patch', 'other.img', 'up.delta', 'out.img'), 'BASE_MISMATCH');
  t.is(await fails(2, 'delta', 'patch', 'old.img', 'up.delta', 'old.img'), 'USAGE');
  t.is(await fails(1, 'delta', 'patch', 'old.img', 'new.img', 'out.img'), 'FORMAT_INVALID');
  t.is(await fails(1, 'delta', 'patch', 'old.img', 'missing', 'out.img'), 'IO_FAILED');
  t.is(await fails(2, 'delta', 'diff', 'old.img', 'new.img', 'new.img'), 'USAGE');
  t.is(await fails(2, ...DIFF.slice(0, -1), '1KiB'), 'USAGE');
  t.is(await fails(2, 'delta', 'undo', 'up.delta'), 'USAGE');
  t.deepEqual(await readFile(join(directory, 'old.img')), Buffer.from(old));
  t.deepEqual(await readFile(join(directory, 'new.img')), image);
  t.false((await readdir(directory)).includes('out.img'));
});

test('Ctrl-C leaves no delta and no temporary file', async (t) => {
  const { directory, start } = await openShop(t);
  // Long enough to be interrupted on the way.
  await writeFile(join(directory, 'old.img'), sampleData('text', 16 * MiB, 8));
  await writeFile(join(directory, 'new.img'), sampleData('text', 16 * MiB, 9));
  const child = start(...DIFF.slice(0, 5), '--json');
  child.stdin.end();
  const ended = resultOf(child);
  // Not before it listens for signals: it reads the images then.
  while (!(await isReading(child.pid, 'old.img'))) await new Promise((resolve) => setTimeout(resolve, 10));
  child.kill('SIGINT');
  const { status, stderr } = await ended;
  t.is(status, 130, stderr);
  t.deepEqual((await readdir(directory)).sort(), ['new.img', 'old.img', 'tmp']);
});

/** True when the process has the file open, by proc_pid_fd(5). */
async function isReading(pid: number | undefined, name: string): Promise<boolean> {
  const folder = `/proc/${pid}/fd`;
  const links = await readdir(folder).catch(() => []);
  const targets = await Promise.all(links.map((link) => readlink(join(folder, link)).catch(() => '')));
  return targets.some((target) => target.endsWith(name));
}
