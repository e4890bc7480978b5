import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { findProgram } from '../../src/compare/find-program.ts';
import { type AccountOptions, hasGnuTime, openAccount } from '../../src/compare/measured-run.ts';
import { RunFailed, RunTimeout } from '../../src/compare/run-errors.ts';
import { MiB } from '../../src/core/sizes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const env = process.env;
const measures = (hasGnuTime() ? ['time', 'proc'] : ['proc']) as readonly ('time' | 'proc')[];
const hasProc = process.platform === 'linux';

const account = (options: Partial<AccountOptions> = {}) => openAccount({ env, ...options });

/** Fills 150 MB, and computes for at least 0.3 seconds of its own time. */
const BUSY = `
  const bytes = Buffer.alloc(150e6, 1);
  while (process.cpuUsage().user < 3e5) bytes.fill(2, 0, 1e6);
`;

for (const measure of measures) {
  const by = `by ${measure}`;

  test(`a program and its children are measured, ${by}`, async (t) => {
    const { run, usage } = account({ measure });
    t.deepEqual(usage(), { wallSeconds: 0, cpuSeconds: 0, peakMemory: 0 });
    const begin = performance.now();
    await run('sh', ['-c', '"$0" -e "$1"; true', process.execPath, BUSY]);
    const { wallSeconds, cpuSeconds, peakMemory } = usage();
    t.true(wallSeconds > 0.25 && wallSeconds <= (performance.now() - begin) / 1000);
    if (measure === 'proc' && !hasProc) return;
    t.true(cpuSeconds > 0.2 && cpuSeconds < 60, String(cpuSeconds));
    t.true(peakMemory > 150e6 && peakMemory < 1000 * MiB, String(peakMemory));
  });

  test(`a program that takes too long is killed with all it started, ${by}`, async (t) => {
    const path = join(await temporaryDirectory(t), 'pids');
    const { run, usage } = account({ measure, timeoutSeconds: 0.2 });
    const action = run('sh', ['-c', 'sleep 1000 & echo $! $$; wait'], { stdout: path });
    const error = await t.throwsAsync(action, { instanceOf: RunTimeout });
    t.regex(error.message, /^sh was stopped: .* 0\.2 seconds$/);
    t.true(usage().wallSeconds >= 0.2);
    const pids = (await readFile(path, 'utf8')).trim().split(' ').map(Number);
    for (const pid of pids) t.false(await isRunning(pid));
  });
}

/** A dead process that nobody has waited for counts as not running. */
async function isRunning(pid: number): Promise<boolean> {
  if (hasProc) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z');
    return !/\) [ZX]/.test(stat);
  }
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('runs add up, the highest peak stays, and what failed counts as well', async (t) => {
  const { run, usage } = account();
  await run(process.execPath, ['-e', 'Buffer.alloc(150e6, 1)']);
  const first = usage();
  await t.throwsAsync(run('sh', ['-c', 'exit 1']), { instanceOf: RunFailed });
  t.true(usage().wallSeconds > first.wallSeconds);
  t.is(usage().peakMemory, first.peakMemory);
});

test('standard output goes to the file, or nowhere', async (t) => {
  const stdout = join(await temporaryDirectory(t), 'out');
  const { run } = account();
  await run('sh', ['-c', 'echo lost']);
  await run('sh', ['-c', 'echo kept; echo noise >&2'], { stdout });
  t.is(await readFile(stdout, 'utf8'), 'kept\n');
});

test('a program runs where it is told to, with the environment it is given', async (t) => {
  const cwd = await temporaryDirectory(t);
  const { run } = openAccount({ env: { PATH: env.PATH, SILT_TEST: 'here' } });
  await run('sh', ['-c', 'echo "$SILT_TEST $HOME" > place'], { cwd });
  t.is(await readFile(join(cwd, 'place'), 'utf8'), 'here \n');
});

test('a failure names program, arguments and status, and ends with what it said', async (t) => {
  const { run } = account();
  const script = 'seq 1 10000 >&2; echo the reason >&2; exit 3';
  const error = await t.throwsAsync(run('sh', ['-c', script]), { instanceOf: RunFailed });
  t.is(error.status, 3);
  t.true(error.message.startsWith(`sh -c ${script} ended with status 3; it wrote: `));
  t.true(error.message.endsWith('9999\n10000\nthe reason'));
  t.true(error.message.length < 2500);
  const silent = await t.throwsAsync(run('sh', ['-c', 'kill -9 $$']), { instanceOf: RunFailed });
  t.is(silent.status, 137);
});

test('statuses can be accepted', async (t) => {
  const { run } = account();
  await t.notThrowsAsync(run('sh', ['-c', 'exit 3'], { accept: [0, 3] }));
  await t.throwsAsync(run('sh', ['-c', 'exit 4'], { accept: [0, 3] }), { instanceOf: RunFailed });
  await t.throwsAsync(run('true', [], { accept: [3] }), { instanceOf: RunFailed });
});

test('a missing program is said to be missing', async (t) => {
  const { run } = account();
  const error = await t.throwsAsync(run('silt-no-such', ['x']), { instanceOf: RunFailed });
  t.is(error.message, 'cannot run silt-no-such: it is not in the PATH; install it');
  await t.throwsAsync(run('/no/such', []), { instanceOf: RunFailed, message: /there is no such program/ });
});

test('a program is looked up in the PATH that is given, and must be one', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeFile(join(directory, 'tool'), '#!/bin/sh\n', { mode: 0o755 });
  await writeFile(join(directory, 'text'), '');
  const PATH = `/no/such:${directory}`;
  t.is(findProgram('tool', { PATH }), join(directory, 'tool'));
  t.is(findProgram('text', { PATH }), undefined);
  t.is(findProgram('tool', {}), undefined);
  t.is(findProgram(join(directory, 'tool'), {}), join(directory, 'tool'));
  t.is(findProgram('.', { PATH }), undefined);
});

test('an abort kills what runs, and keeps the next from starting', async (t) => {
  const path = join(await temporaryDirectory(t), 'pid');
  const controller = new AbortController();
  const { run } = account({ signal: controller.signal });
  const reason = new Error('enough');
  const running = run('sh', ['-c', 'echo $$; exec sleep 1000'], { stdout: path });
  const pid = await firstNumber(t, path);
  controller.abort(reason);
  t.is(await t.throwsAsync(running), reason);
  t.false(await isRunning(pid));
  t.is(await t.throwsAsync(run('true', [])), reason);
});

/** Reads until the program has written its number. */
async function firstNumber(t: ExecutionContext<unknown>, path: string): Promise<number> {
  t.timeout(60_000);
  for (;;) {
    const text = await readFile(path, 'utf8').catch(() => '');
    if (text.endsWith('\n')) return Number(text);
  }
}

test('a child that is left behind does not outlive its program', async (t) => {
  const path = join(await temporaryDirectory(t), 'pid');
  const { run } = account();
  await run('sh', ['-c', 'sleep 1000 & echo $!'], { stdout: path });
  t.false(await isRunning(Number(await readFile(path, 'utf8'))));
});
