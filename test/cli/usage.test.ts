import test from 'ava';
import { createCli } from '../support/run-cli.ts';

const commands = [
  ...[
    'publish',
    'fetch',
    'inspect',
    'verify',
    'delta',
    'keys',
    'sign',
    'release',
    'channel',
    'jobs',
    'prune',
    'floor',
  ],
  ...['install', 'status', 'mark-good', 'rollback', 'agent', 'device', 'serve', 'bench'],
];

for (const command of commands) {
  test(`silt ${command} --help shows examples on stdout`, async (t) => {
    const { run } = await createCli(t);
    const { status, stdout, stderr } = await run(command, '--help');
    t.is(status, 0);
    t.is(stderr, '');
    const examples = stdout.slice(stdout.indexOf('Examples:'));
    t.true([...examples.matchAll(/\bsilt \w+/g)].length >= 3);
    t.true(stdout.split('\n').every((line) => line.length <= 110));
  });
}

test('--version prints the version alone', async (t) => {
  const { run } = await createCli(t);
  const { status, stdout } = await run('--version');
  t.is(status, 0);
  t.regex(stdout, /^\d+\.\d+\.\d+\n$/);
});

test('without a command the help goes to stderr, and it is a usage error', async (t) => {
  const { run } = await createCli(t);
  const { status, stdout, stderr } = await run();
  t.is(status, 2);
  t.is(stdout, '');
  t.regex(stderr, /^Usage: silt/);
});

const wrong: Readonly<Record<string, readonly string[]>> = {
  'an unknown command': ['fetsch'],
  'an unknown option': ['inspect', '--repos', 'x'],
  'a missing option': ['fetch', '--repo', 'x', '--product', 'p'],
  'a missing argument': ['serve'],
  'no image': ['publish', '--insecure', '--repo', 'r', '--product', 'p', '--version', '1'],
  'a size that is none': [
    'publish',
    'a',
    '--insecure',
    '--repo',
    'r',
    '--product',
    'p',
    '--version',
    '1',
    '--chunk-size',
    'x',
  ],
  'a version and a channel': ['inspect', '--repo', 'r', '--product', 'p', '--version', '1', '--channel', 'c'],
  'a repository to publish to over HTTP': [
    ...['publish', 'a', '--insecure', '--repo', 'http://127.0.0.1/', '--product', 'p', '--version', '1'],
  ],
  'nothing to trust when publishing': ['publish', 'a', '--repo', 'r', '--product', 'p', '--version', '1'],
  'nothing to trust when fetching': ['fetch', '--repo', 'r', '--product', 'p', '--output', 'o'],
  'a root of trust and --insecure': ['inspect', '--repo', 'r', '--root', 'root.json', '--insecure'],
};

for (const [what, args] of Object.entries(wrong)) {
  test(`${what} exits with 2 and one line on stderr`, async (t) => {
    const { run } = await createCli(t);
    const { status, stdout, stderr } = await run(...args);
    t.is(status, 2);
    t.is(stdout, '');
    t.regex(stderr, /^silt: [^\n]+\n$/);
  });
}

test('under --json a usage error is one document on stderr', async (t) => {
  const { run } = await createCli(t);
  const { status, stdout, stderr } = await run('fetch', '--json');
  t.is(status, 2);
  t.is(stdout, '');
  const { error } = JSON.parse(stderr) as { error: Record<string, unknown> };
  t.deepEqual([error.code, error.exit, error.details], ['USAGE', 2, {}]);
  t.regex(String(error.message), /--product/);
});

test('SILT_DEBUG=1 adds the stack', async (t) => {
  const { run } = await createCli(t, { SILT_DEBUG: '1' });
  const { status, stderr } = await run('inspect');
  t.is(status, 2);
  t.regex(stderr, /^silt: [^\n]+\nSiltError: [^\n]+\n {4}at .*inspect\.ts/);
});
