import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import type { HooksConfig } from '../../../src/device/config/device-config.ts';
import { makeHooks } from '../../../src/device/hooks/make-hooks.ts';
import type { LogEntry } from '../../../src/device/log.ts';
import type { HookFacts, HookName } from '../../../src/device/update/device.ts';
import { checkSample } from '../../support/sample-config.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

const FACTS: HookFacts = {
  phase: 'preInstall',
  update: '6b7e7f0a-0000-4000-8000-000000000001',
  version: '2.0.0',
  counter: 7,
  target: 'B',
};

const REBOOT = { command: ['true'], timeout: 60, environment: undefined };

/** Hooks of which each runs `script` by a shell. */
function hooksOf(
  script: string,
  { timeout = 60, environment }: { timeout?: number; environment?: Record<string, string> } = {},
) {
  const entries: LogEntry[] = [];
  const hook = { command: ['sh', '-c', script], timeout, environment };
  const names = ['preInstall', 'postInstall', 'preReboot', 'reboot', 'health', 'failure', 'defer'] as const;
  const config = Object.fromEntries(names.map((name) => [name, hook])) as unknown as HooksConfig;
  const log = (entry: LogEntry): void => void entries.push(entry);
  return { entries, hooks: makeHooks(config, { deviceId: 'gw-1', product: 'gateway', log, graceMs: 100 }) };
}

const names: readonly HookName[] = ['preInstall', 'postInstall', 'preReboot', 'health', 'failure', 'defer'];

/** True while a process of that number lives and is no zombie. */
async function isAlive(pid: string): Promise<boolean> {
  try {
    return !/\) [ZX] /.test(await readFile(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

test('a hook that is not configured succeeds', async (t) => {
  const config = checkSample({ hooks: '' }).config?.hooks;
  if (config === undefined) throw new Error('the sample is wrong');
  const hooks = makeHooks(
    { ...config, reboot: REBOOT },
    { deviceId: 'gw-1', product: 'gateway', log: t.log },
  );
  for (const name of names) t.is(await hooks.run(name, FACTS), 'done');
});

test('the configuration has a command for the restart by default', (t) => {
  t.deepEqual(checkSample().config?.hooks.reboot.command, ['systemctl', 'reboot']);
});

test('a hook is told what it is about, and gets nothing of ours', async (t) => {
  const path = join(await temporaryDirectory(t), 'env');
  const { hooks } = hooksOf(`env > ${path}; pwd >> ${path}`, {
    environment: { LANG: 'C', SILT_SLOT: 'no', SILT_OTHER: 'no' },
  });
  await hooks.run('failure', { ...FACTS, phase: 'failed', code: 'NO_SPACE', message: 'full\n\u001b[2Jdisk' });
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  const own = lines.filter((line) => !/^(PWD|OLDPWD|_|SHLVL)=/.test(line)).sort();
  t.deepEqual(own, [
    '/',
    'LANG=C',
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'SILT_CODE=NO_SPACE',
    'SILT_COUNTER=7',
    'SILT_DEVICE=gw-1',
    'SILT_HOOK=failure',
    'SILT_MESSAGE=full [2Jdisk',
    'SILT_PHASE=failed',
    'SILT_PRODUCT=gateway',
    'SILT_SLOT=B',
    `SILT_UPDATE=${FACTS.update}`,
    'SILT_VERSION=2.0.0',
  ]);
});

test('a message of any length is cut to what an environment takes', async (t) => {
  const { hooks, entries } = hooksOf('printf %s "$SILT_MESSAGE" | wc -c; [ -z "$SILT_SLOT" ]');
  await hooks.run('failure', { ...FACTS, target: undefined, message: 'x'.repeat(10_000_000) });
  t.deepEqual(
    entries.map(({ message }) => message.trim()),
    ['1003'],
  );
});

test('defer asks for a later time by its exit status 75, and no other hook does', async (t) => {
  const { hooks } = hooksOf('exit 75');
  t.is(await hooks.run('defer', FACTS), 'later');
  for (const name of names.filter((other) => other !== 'defer')) {
    t.regex((await throwsSilt(t, () => hooks.run(name, FACTS), 'HOOK_FAILED')).message, /status 75/);
  }
  t.is(await hooksOf('exit 0').hooks.run('defer', FACTS), 'done');
});

test('every hook that ends with another status has failed, the one that restarts too', async (t) => {
  const { hooks } = hooksOf('echo "no voltage" >&2; exit 3');
  for (const name of names) {
    const error = await throwsSilt(t, () => hooks.run(name, FACTS), 'HOOK_FAILED');
    t.regex(error.message, new RegExp(`^the hook ${name} .* failed: it ended with status 3: no voltage$`));
  }
  const error = await throwsSilt(t, () => hooks.reboot(FACTS), 'HOOK_FAILED');
  t.regex(error.message, /^the hook reboot .* status 3/);
});

test('a hook that is killed has failed', async (t) => {
  const { hooks } = hooksOf('kill -SEGV $$');
  t.regex((await throwsSilt(t, () => hooks.run('health', FACTS), 'HOOK_FAILED')).message, /SIGSEGV/);
});

test('a hook that hangs is ended with all it started, also when it does not listen to SIGTERM', async (t) => {
  const script =
    'trap "" TERM; (trap "" TERM; exec sleep 1000) & echo $!; echo $$; while :; do sleep 1000; done';
  const { hooks, entries } = hooksOf(script, { timeout: 1.5 });
  const error = await throwsSilt(t, () => hooks.run('health', FACTS), 'HOOK_FAILED');
  t.regex(error.message, /longer than 1.5 s/);
  t.is(entries.length, 2);
  for (const { message } of entries) t.false(await isAlive(message));
});

test('a hook whose child holds its output open keeps nobody waiting', async (t) => {
  const directory = await temporaryDirectory(t);
  const { hooks } = hooksOf(`(while [ -e ${directory} ]; do sleep 0.05; done) & exit 0`);
  t.is(await hooks.run('health', FACTS), 'done');
});

test('a program that is missing or cannot be executed is told', async (t) => {
  const path = join(await temporaryDirectory(t), 'hook');
  await writeFile(path, '#!/bin/sh\n');
  await chmod(path, 0o644);
  const interpreter = join(await temporaryDirectory(t), 'hook');
  await writeFile(interpreter, '#!/no/such/shell\n');
  await chmod(interpreter, 0o755);
  for (const program of ['/no/such/hook', 'no-such-hook', path, interpreter, '/']) {
    const config = { reboot: REBOOT, health: { command: [program], timeout: 5, environment: undefined } };
    const hooks = makeHooks(config as unknown as HooksConfig, {
      deviceId: 'gw-1',
      product: 'gateway',
      log: t.log,
    });
    t.regex((await throwsSilt(t, () => hooks.run('health', FACTS), 'HOOK_FAILED')).message, /did not start/);
  }
});

test('a hook that floods its output is heard for some lines and not failed for it', async (t) => {
  for (const stream of ['1', '2']) {
    const { hooks, entries } = hooksOf(
      `head -c 20000000 /dev/zero | tr '\\0' '\\n' | sed s/^/x/ | head -n 200000 >&${stream}`,
    );
    t.is(await hooks.run('health', FACTS), 'done');
    t.is(entries.length, 101);
    t.is(entries.at(-1)?.message, 'the hook health printed 199900 more lines, which are left out');
    t.is(entries.at(-1)?.level, 'warning');
  }
});

test('a hook that never stops writing is ended when its time is over', async (t) => {
  const { hooks, entries } = hooksOf('yes; yes >&2', { timeout: 1.5 });
  await throwsSilt(t, () => hooks.run('health', FACTS), 'HOOK_FAILED');
  t.is(entries.length, 101);
});

test('what a hook prints is fit for a log', async (t) => {
  const { hooks, entries } = hooksOf(
    'printf "a\\033[31m\\007\\n"; head -c 100000 /dev/zero | tr "\\0" y; printf "\\n\\377\\376\\n"',
  );
  await hooks.run('health', FACTS);
  t.deepEqual(
    entries.map(({ message, topic, data }) => [message.length, topic, data?.hook]),
    [
      [6, 'hook', 'health'],
      [501, 'hook', 'health'],
      [2, 'hook', 'health'],
    ],
  );
  t.false(entries.some(({ message }) => /\p{Cc}/u.test(message)));
});

test('an environment as large as a configuration may have reaches the hook', async (t) => {
  const environment = Object.fromEntries(
    Array.from({ length: 64 }, (_, index) => [`V${index}`, 'v'.repeat(4096)]),
  );
  const { hooks, entries } = hooksOf('printf %s "$V0$V63" | wc -c', { environment });
  t.is(await hooks.run('health', FACTS), 'done');
  t.is(entries[0]?.message.trim(), '8192');
});

test('an environment that the system does not take is a failure of the hook', async (t) => {
  for (const value of ['v'.repeat(300_000), 'a\0b']) {
    const { hooks } = hooksOf('true', { environment: { V: value } });
    t.regex((await throwsSilt(t, () => hooks.run('health', FACTS), 'HOOK_FAILED')).message, /did not start/);
  }
});

test('a hook is ended when the update stops, and that is no failure of it', async (t) => {
  const stop = new AbortController();
  const config = {
    reboot: REBOOT,
    health: { command: ['sh', '-c', 'echo ready; while :; do sleep 0.05; done'], timeout: 60 },
  } as unknown as HooksConfig;
  const hooks = makeHooks(config, {
    deviceId: 'gw-1',
    product: 'gateway',
    log: () => stop.abort(new Error('stopped')),
  });
  await t.throwsAsync(hooks.run('health', FACTS, stop.signal), { message: 'stopped' });
});
