import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { parseIntelHex } from '../../bench/corpus/intel-hex.ts';
import { CORPUS } from '../../bench/corpus/pairs.ts';
import { readProgram, runProgram } from '../../bench/corpus/run-program.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const script = fileURLToPath(new URL('../../bench/corpus/make.ts', import.meta.url));
const never = new AbortController().signal;

/** Runs it with a PATH that holds no program at all, so that nothing can be downloaded. */
async function make(
  t: ExecutionContext,
  ...args: string[]
): Promise<{ status: number; stdout: string; stderr: string; corpus: string }> {
  const corpus = join(await temporaryDirectory(t), 'corpus');
  const child = spawn(process.execPath, [script, ...args], {
    env: { ...process.env, PATH: '/var/empty', SILT_CORPUS: corpus },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const ended = once(child, 'close');
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [status] = await ended;
  return { status, stdout, stderr, corpus };
}

test('--list tells of every pair whether it is there', async (t) => {
  const { status, stdout, stderr } = await make(t, '--list');
  t.is(status, 0, stderr);
  for (const { name, standsFor } of CORPUS) {
    t.true(
      stdout.split('\n').some((line) => line.startsWith(`missing  ${name} `) && line.endsWith(standsFor)),
    );
  }
});

test('what the machine cannot make is skipped with the reason, and nothing else fails', async (t) => {
  const { status, stdout, stderr, corpus } = await make(t, 'firmware', 'esbuild', 'grow-16m', 'erofs');
  t.is(status, 0, stderr);
  t.regex(stdout, /^firmware: skipped, it needs Python 3 with pip, which is not here$/m);
  t.regex(stdout, /^esbuild: skipped, it needs npm, which is not here$/m);
  t.regex(stdout, /^grow-16m: skipped, it needs npm/m);
  t.regex(stdout, /^erofs: skipped, it needs bash/m);
  t.deepEqual(await readdir(corpus), []);
});

test('an unknown name fails and tells the known ones', async (t) => {
  const { status, stderr } = await make(t, 'nodd24');
  t.is(status, 1);
  t.regex(stderr, /expected names of pairs \(.*\bnode24\b.*\), found nodd24/);
});

test('a program gives its output, or its status with what it complained of', async (t) => {
  const context = { cwd: await temporaryDirectory(t), signal: never };
  const node = (code: string): Promise<string> => runProgram(process.execPath, ['-e', code], context);
  t.is(await node('process.stdout.write("a".repeat(300000))'), 'a'.repeat(300_000));
  await t.throwsAsync(node('console.log(1); console.error("no room"); process.exitCode = 3'), {
    message: /ended with 3: no room$/,
  });
  await t.throwsAsync(runProgram('no-such-program', [], context), { message: /^cannot run no-such-program/ });
});

test('an interrupt ends the program', async (t) => {
  const abort = new AbortController();
  const context = { cwd: await temporaryDirectory(t), signal: abort.signal };
  const endless = 'setInterval(() => {}, 1000); console.log(process.pid)';
  const reading = readProgram(process.execPath, ['-e', endless], context);
  const pid = Number(Buffer.from((await reading.next()).value ?? []).toString());
  t.notThrows(() => process.kill(pid, 0));
  abort.abort();
  await t.throwsAsync(reading.next(), { name: 'AbortError' });
  t.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
});

test('Intel HEX becomes flash, with erased bytes in the gaps and no settings of the chip', (t) => {
  const text = [
    ':020000040000FA',
    ':0400020001020304F0',
    ':020000040001F9',
    ':01000000AA55',
    ':020000041000EA',
    ':01000000BB44',
    ':00000001FF',
  ].join('\r\n');
  const flash = parseIntelHex(text);
  t.is(flash.length, 0x10001);
  t.deepEqual([...flash.subarray(0, 8)], [255, 255, 1, 2, 3, 4, 255, 255]);
  t.is(flash[0x10000], 0xaa);
});

test('Intel HEX with a damaged record or without an end is refused', (t) => {
  t.throws(() => parseIntelHex(':01000000AA56\n:00000001FF'), { message: /wrong checksum/ });
  t.throws(() => parseIntelHex(':02000000AA54\n:00000001FF'), { message: /expected a record/ });
  t.throws(() => parseIntelHex('hello\n:00000001FF'), { message: /expected a record/ });
  t.throws(() => parseIntelHex(':01000000AA55'), { message: /end record/ });
});
