import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile, watch } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { type CommandOptions, printable, runCommand } from '../../src/io/run-command.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const sh = (script: string, options: Partial<CommandOptions> = {}) =>
  runCommand(['sh', '-c', script], { limitMs: 20_000, code: 'HOOK_FAILED', what: 'the hook', ...options });

/** True while a process of that number lives and is no zombie. */
async function isAlive(pid: number): Promise<boolean> {
  try {
    const status = await readFile(`/proc/${pid}/stat`, 'utf8');
    return !/\) [ZX] /.test(status);
  } catch {
    return false;
  }
}

test('a command gets its input, and gives status and output', async (t) => {
  const { status, stdout } = await sh('cat; exit 3', { input: 'hello', statuses: [0, 3] });
  t.is(status, 3);
  t.is(stdout.toString(), 'hello');
});

test('no shell reads the arguments', async (t) => {
  const { stdout } = await runCommand(['printf', '%s|', '$HOME', '; echo no', '*'], {
    limitMs: 20_000,
    code: 'HOOK_FAILED',
    what: 'the hook',
  });
  t.is(stdout.toString(), '$HOME|; echo no|*|');
});

test('the environment is the one that is handed in and a PATH, and the directory is the root', async (t) => {
  const { stdout } = await sh('env; pwd', { env: { SLOT: 'B' } });
  const lines = stdout.toString().split('\n');
  t.true(lines.includes('SLOT=B'));
  t.true(lines.includes('/'));
  t.false(lines.some((line) => /^(HOME|USER|NODE_|AVA|npm_)/.test(line)));
});

test('a failure is told with the status and the first complaint', async (t) => {
  const error = await throwsSilt(
    t,
    () => sh('echo "no \x1b[31mvoltage" >&2; echo more >&2; exit 7'),
    'HOOK_FAILED',
  );
  t.regex(error.message, /^the hook .* failed: it ended with status 7: no {1,2}\[31mvoltage$/);
});

test('a command that is killed by a signal has failed', async (t) => {
  t.regex((await throwsSilt(t, () => sh('kill -9 $$'), 'HOOK_FAILED')).message, /killed by SIGKILL/);
});

test('what cannot be started is told', async (t) => {
  for (const argv of [['/no/such/program'], [''], [], ['/etc/passwd'], ['sh', 'a\0b']]) {
    const action = () => runCommand(argv, { limitMs: 20_000, code: 'BOOT_FAILED', what: 'the command' });
    t.regex((await throwsSilt(t, action, 'BOOT_FAILED')).message, /did not start/);
  }
});

test('a command that ignores SIGTERM is killed with all it started when its time is over', async (t) => {
  const pids: number[] = [];
  const script =
    'trap "" TERM; (trap "" TERM; exec sleep 1000) & echo $! >&2; echo $$ >&2; while :; do sleep 1000; done';
  const onLine = (line: string): boolean => pids.push(Number(line)) > 0;
  const error = await throwsSilt(t, () => sh(script, { limitMs: 300, graceMs: 100, onLine }), 'HOOK_FAILED');
  t.regex(error.message, /longer than 0.3 s/);
  t.is(pids.length, 2);
  for (const pid of pids) t.false(await isAlive(pid));
});

test('a command that ends when it is asked to leaves nothing behind that does not', async (t) => {
  const pids: number[] = [];
  const script =
    '(trap "" TERM; echo "$(exec sh -c "echo \\$PPID")" >&2; while :; do sleep 1000; done) & wait';
  const stop = new AbortController();
  const onLine = (line: string): boolean => {
    stop.abort(new Error('stopped'));
    return pids.push(Number(line)) > 0;
  };
  await t.throwsAsync(sh(script, { onLine, signal: stop.signal, graceMs: 1_000_000 }), {
    message: 'stopped',
  });
  t.is(pids.length, 1);
  t.true(Number(pids[0]) > 1);
  t.false(await isAlive(Number(pids[0])));
});

test('a command that fails leaves nothing behind', async (t) => {
  const pids: number[] = [];
  const script = 'sleep 1000 & echo $! >&2; exit 4';
  const onLine = (line: string): boolean => pids.push(Number(line)) > 0;
  await throwsSilt(t, () => sh(script, { onLine, patienceMs: 100 }), 'HOOK_FAILED');
  t.is(pids.length, 1);
  t.true(Number(pids[0]) > 1);
  // It was killed, which takes its time.
  while (await isAlive(Number(pids[0])));
});

test('a command may clean up when it is asked to end', async (t) => {
  const directory = await temporaryDirectory(t);
  const script = `trap 'echo cleaned > ${directory}/trace; exit 1' TERM; echo ready >&2; while :; do sleep 0.05; done`;
  const stop = new AbortController();
  const onLine = (): boolean => {
    stop.abort(new Error('stopped'));
    return true;
  };
  await t.throwsAsync(sh(script, { onLine, signal: stop.signal }), { message: 'stopped' });
  t.is(await readFile(join(directory, 'trace'), 'utf8'), 'cleaned\n');
});

test('a signal that has come already keeps the command from starting', async (t) => {
  const path = join(await temporaryDirectory(t), 'trace');
  const action = sh(`echo > ${path}`, { signal: AbortSignal.abort(new Error('stopped')) });
  await t.throwsAsync(action, { message: 'stopped' });
  t.false(existsSync(path));
});

test('a command that writes without end is stopped', async (t) => {
  const error = await throwsSilt(t, () => sh('yes', { maxOutput: 1000, graceMs: 100 }), 'HOOK_FAILED');
  t.regex(error.message, /more than 1000 bytes/);
});

test('a line without end costs no memory and is cut', async (t) => {
  const lines: string[] = [];
  const onLine = (line: string): boolean => lines.push(line) > 0;
  await sh('head -c 3000000 /dev/zero | tr "\\0" x >&2; echo >&2; echo second >&2', { onLine });
  t.deepEqual(
    lines.map((line) => line.length),
    [1000, 6],
  );
});

test('what a command leaves running keeps nobody waiting', async (t) => {
  const directory = await temporaryDirectory(t);
  const { stdout } = await sh(
    `echo done; (while [ ! -e ${directory}/end ]; do sleep 0.05; done; echo > ${directory}/ended) &`,
  );
  t.is(stdout.toString(), 'done\n');
  t.false(existsSync(join(directory, 'ended')), 'it still runs');
  const ended = (async () => {
    for await (const { filename } of watch(directory)) if (filename === 'ended') return;
  })();
  await sh(`echo > ${directory}/end`);
  await ended;
});

test('a command in our session keeps it, has our environment, and is ended when its time is over', async (t) => {
  const session = async (options: Partial<CommandOptions>): Promise<string> => {
    const { stdout } = await sh('cut -d " " -f 6 /proc/$$/stat; echo "$SILT_PROBE"', options);
    return stdout.toString();
  };
  const own = readFileSync('/proc/self/stat', 'utf8').split(' ')[5];
  process.env.SILT_PROBE = 'ours';
  t.is(await session({ session: 'ours', env: 'ours' }), `${own}\nours\n`);
  const [other, ...environment] = (await session({})).split('\n');
  t.not(other, own);
  t.deepEqual(environment, ['', '']);
  const options = { session: 'ours', limitMs: 300, graceMs: 100, patienceMs: 0 } as const;
  const action = () => sh('trap "" TERM; while :; do sleep 1; done', options);
  t.regex((await throwsSilt(t, action, 'HOOK_FAILED')).message, /longer than 0.3 s/);
});

test('text of others is made fit for one line', (t) => {
  t.is(printable('a\u0007b\nc\u202e d '), 'a b c  d');
  t.is(printable('x'.repeat(400)).length, 301);
});

/** Holds everything up for some milliseconds, as a busy machine does. */
const holdUp = (): unknown => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);

/** Holds everything up until the process whose number a command has written to `path` has ended. */
function holdUntilEnded(path: string): void {
  const hasEnded = (): boolean => {
    const pid = existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
    return pid !== '' && /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  };
  while (!hasEnded()) holdUp();
  holdUp();
}

test('what a command has written is read, also where its end is seen first and no time is left', async (t) => {
  const directory = await temporaryDirectory(t);
  const at = (name: string): string => join(directory, name);
  const script = `echo $$ > ${at('late')}; until [ -e ${at('go')} ]; do sleep 0.01; done; echo all of it`;
  const late = sh(script, { patienceMs: 0 });
  const early = sh(`echo $$ > ${at('early')}; echo now`, {
    // The ends of children are looked at behind this, also that of the late one, whose pipe was empty before.
    onOutputLine() {
      writeFileSync(at('go'), '');
      holdUntilEnded(at('late'));
      // Then its time is over before the pipes are looked at again.
      setImmediate(holdUp);
    },
  });
  holdUntilEnded(at('early'));
  await early;
  t.is((await late).stdout.toString(), 'all of it\n');
});
