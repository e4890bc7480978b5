import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import {
  CommandInstaller,
  type CommandInstallerSettings,
} from '../../../src/device/installers/command-installer.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

const image = { version: '2.0', path: '/x', size: 3, sha256: 'a'.repeat(64) };

/** An installer that is this script of sh; `$1` is the verb. */
async function scripted(
  t: ExecutionContext,
  script: string,
  settings: Partial<CommandInstallerSettings> = {},
): Promise<{ installer: CommandInstaller; directory: string }> {
  const directory = await temporaryDirectory(t);
  await writeFile(join(directory, 'installer.sh'), script);
  const installer = new CommandInstaller({
    component: 'mcu',
    command: ['sh', join(directory, 'installer.sh')],
    cwd: directory,
    graceMs: 100,
    ...settings,
  });
  return { installer, directory };
}

test('each verb gets what the protocol says', async (t) => {
  const script = `
    echo "$1 $(cat)" >> log
    case $1 in
    status) echo '{"present": true, "version": "1.0", "more": 1}' ;;
    prepare) echo '{"output": "/tmp/x", "inPlace": true, "seeds": ["/dev/null"]}' ;;
    esac`;
  const { installer, directory } = await scripted(t, script);
  t.deepEqual(await installer.status(), { present: true, version: '1.0' });
  t.deepEqual(await installer.prepare('2.0'), { output: '/tmp/x', inPlace: true, seeds: ['/dev/null'] });
  await installer.install(image);
  await installer.commit(image);
  await installer.rollback();
  await installer.finish();
  const base = { protocol: 1, component: 'mcu' };
  const lines = (await readFile(join(directory, 'log'), 'utf8')).trim().split('\n');
  t.deepEqual(
    lines.map((line) => {
      const [verb = ''] = line.split(' ', 1);
      return [verb, JSON.parse(line.slice(verb.length + 1))];
    }),
    [
      ['status', base],
      ['prepare', { ...base, version: '2.0' }],
      ['install', { ...base, ...image }],
      ['commit', { ...base, ...image }],
      ['rollback', base],
      ['finish', base],
    ],
  );
});

test('members that may be left out have defaults', async (t) => {
  const { installer } = await scripted(
    t,
    `case $1 in status) echo '{"present": false}' ;; *) echo '{"output": "/x"}' ;; esac`,
  );
  t.deepEqual(await installer.status(), { present: false });
  t.deepEqual(await installer.prepare('1'), { output: '/x', inPlace: false, seeds: [] });
});

test('progress is told, and is no complaint', async (t) => {
  const { installer } = await scripted(
    t,
    'for n in 1 2 9; do echo progress $n/4 >&2; done; echo progress x/y >&2; exit 2',
  );
  const seen: string[] = [];
  const onProgress = (done: number, total: number) => void seen.push(`${done}/${total}`);
  const error = await throwsSilt(t, () => installer.install(image, { onProgress }), 'INSTALL_FAILED');
  t.deepEqual(seen, ['1/4', '2/4', '4/4']);
  t.regex(error.message, /installer of mcu .* status 2: progress x\/y$/);
});

test('every verb may fail, and says why', async (t) => {
  const { installer } = await scripted(t, 'echo "no answer on the bus" >&2; exit 1');
  for (const action of [
    () => installer.status(),
    () => installer.prepare('2'),
    () => installer.install(image),
    () => installer.commit(image),
    () => installer.rollback(),
    () => installer.finish(),
  ]) {
    t.regex((await throwsSilt(t, action, 'INSTALL_FAILED')).message, /status 1: no answer on the bus$/);
  }
});

test('answers that are not as the protocol says are refused', async (t) => {
  const answers = [
    '',
    'ok',
    '[]',
    'null',
    '{}',
    '{"output": "relative"}',
    '{"output": "/a\\u0000b"}',
    '{"output": "/x", "inPlace": "yes"}',
    `{"output": "/x", "seeds": [${'"/s",'.repeat(16)} "/s"]}`,
    `{"output": "/${'x'.repeat(4100)}"}`,
    '{"present": 1}',
  ];
  for (const answer of answers) {
    const { installer, directory } = await scripted(t, 'cat answer');
    await writeFile(join(directory, 'answer'), answer);
    const error = await throwsSilt(t, () => installer.prepare('2'), 'INSTALL_FAILED');
    t.regex(error.message, /to answer prepare as the protocol says/);
    await throwsSilt(t, () => installer.status(), 'INSTALL_FAILED');
  }
});

test('an answer without end is stopped', async (t) => {
  const { installer } = await scripted(t, 'yes');
  t.regex((await throwsSilt(t, () => installer.status(), 'INSTALL_FAILED')).message, /more than 65536 bytes/);
});

test('a verb that hangs ends at its own limit, or when it is told to', async (t) => {
  const { installer } = await scripted(
    t,
    'echo progress 0/1 >&2; trap "" TERM; while :; do sleep 1000; done',
    {
      limits: { commit: 200 },
    },
  );
  t.regex(
    (await throwsSilt(t, () => installer.commit(image), 'INSTALL_FAILED')).message,
    /longer than 0.2 s/,
  );
  const stop = new AbortController();
  const onProgress = () => stop.abort(new Error('stopped'));
  await t.throwsAsync(installer.install(image, { signal: stop.signal, onProgress }), { message: 'stopped' });
});

test('a program that does not read its input may succeed', async (t) => {
  const { installer } = await scripted(t, 'exec 0<&-; exit 0');
  await installer.install({ ...image, path: `/${'x'.repeat(200_000)}` });
  t.pass();
});
