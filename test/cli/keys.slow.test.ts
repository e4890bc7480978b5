/**
 * `silt keys`: who may sign what, from making the first keys to taking one away.
 */
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { type Cli, createCli } from '../support/run-cli.ts';

const REPO = ['--repo', 'repo', '--keys', 'keys'];

interface Listing {
  readonly roles: readonly {
    readonly role: string;
    readonly version: number;
    readonly threshold: number;
    readonly keys: readonly { readonly keyId: string; readonly path?: string }[];
  }[];
  readonly revoked: readonly string[];
}

async function list(cli: Cli): Promise<Listing> {
  const { stdout } = await cli.run('keys', 'list', ...REPO, '--json');
  return JSON.parse(stdout) as Listing;
}

const roleOf = ({ roles }: Listing, name: string) => roles.find(({ role }) => role === name);

test('init makes keys, a root for devices and a repository, and nothing is overwritten by a second one', async (t) => {
  const cli = await createCli(t);
  const thresholds = ['--root-keys', '3', '--root-threshold', '2', '--expires', 'timestamp=14'];
  const made = await cli.run('keys', 'init', 'keys', '--repo', 'repo', '--product', 'app', ...thresholds);
  t.is(made.status, 0, made.stderr);
  t.regex(made.stdout, /made 7 keys and the repository repo/);
  const names = (await readdir(join(cli.directory, 'keys'))).sort();
  t.deepEqual(names, [
    'product-app.pem',
    'root-1.pem',
    'root-2.pem',
    'root-3.pem',
    'root.json',
    'snapshot.pem',
    'targets.pem',
    'timestamp.pem',
  ]);
  t.is((await stat(join(cli.directory, 'keys', 'root-1.pem'))).mode & 0o777, 0o600);
  const listing = await list(cli);
  t.deepEqual(
    listing.roles.map(({ role, threshold, keys }) => [role, threshold, keys.length]),
    [
      ['root', 2, 3],
      ['targets', 1, 1],
      ['snapshot', 1, 1],
      ['timestamp', 1, 1],
      ['product-app', 1, 1],
    ],
  );
  t.is(roleOf(listing, 'root')?.keys[0]?.path, join('keys', 'root-1.pem'));

  const root = await readFile(join(cli.directory, 'keys', 'root.json'));
  const here = await cli.run('keys', 'init', 'keys', '--repo', 'other');
  t.is(here.status, 1);
  t.regex(here.stderr, /holds keys already/);
  const there = await cli.run('keys', 'init', 'others', '--repo', 'repo');
  t.is(there.status, 1);
  t.regex(there.stderr, /is a repository already/);
  t.deepEqual(await readFile(join(cli.directory, 'keys', 'root.json')), root);
});

test('keys are added, rotated and revoked, and root.json follows', async (t) => {
  const cli = await createCli(t);
  await cli.run('keys', 'init', 'keys', '--repo', 'repo', '--product', 'app');
  const factory = await readFile(join(cli.directory, 'keys', 'root.json'));
  await writeFile(join(cli.directory, 'factory.json'), factory);
  const before = roleOf(await list(cli), 'timestamp')?.keys[0]?.keyId ?? '';

  const rotated = await cli.run('keys', 'rotate', ...REPO, '--role', 'timestamp');
  t.is(rotated.status, 0, rotated.stderr);
  const added = await cli.run(
    'keys',
    'add',
    ...REPO,
    '--role',
    'product:other',
    '--generate',
    'keys/other.pem',
  );
  t.is(added.status, 0, added.stderr);
  const second = await cli.run(
    'keys',
    'add',
    ...REPO,
    '--role',
    'snapshot',
    '--generate',
    'keys/snapshot-2.pem',
  );
  t.is(second.status, 0, second.stderr);
  const changed = await list(cli);
  const after = roleOf(changed, 'timestamp')?.keys ?? [];
  t.deepEqual(
    after.map(({ path }) => path),
    [join('keys', 'timestamp-2.pem')],
  );
  t.not(after[0]?.keyId, before);
  t.is(roleOf(changed, 'product-other')?.keys[0]?.path, join('keys', 'other.pem'));
  const [first] = roleOf(changed, 'snapshot')?.keys ?? [];

  const revoked = await cli.run('keys', 'revoke', (first?.keyId ?? '').slice(0, 12), ...REPO);
  t.is(revoked.status, 0, revoked.stderr);
  const last = await list(cli);
  t.deepEqual(last.revoked, [first?.keyId ?? '']);
  t.is(roleOf(last, 'snapshot')?.keys.length, 1);
  const refused = await cli.run('keys', 'revoke', after[0]?.keyId ?? '', ...REPO);
  t.is(refused.status, 2);
  t.regex(refused.stderr, /timestamp would have 0 keys/);

  const current = await readFile(join(cli.directory, 'keys', 'root.json'));
  t.notDeepEqual(current, factory);
  const exported = await cli.run(
    'keys',
    'export-root',
    ...REPO,
    '--root',
    'factory.json',
    '--output',
    'new.json',
  );
  t.is(exported.status, 0, exported.stderr);
  t.deepEqual(await readFile(join(cli.directory, 'new.json')), current);
  t.deepEqual(
    await readFile(join(cli.directory, 'factory.json')),
    factory,
    'a root that is named stays as it is',
  );
});

test('a change that the keys at hand cannot sign leaves nothing behind, not even a new key', async (t) => {
  const cli = await createCli(t);
  await cli.run('keys', 'init', 'keys', '--repo', 'repo');
  const online = ['--keys', 'keys/snapshot.pem', '--keys', 'keys/timestamp.pem', '--root', 'keys/root.json'];
  const names = await readdir(cli.directory, { recursive: true });
  const generate = ['--role', 'timestamp', '--generate', 'keys/new.pem'];
  const refused = await cli.run('keys', 'rotate', '--repo', 'repo', ...online, ...generate);
  t.is(refused.status, 1);
  t.regex(refused.stderr, /root lacks 1 more/);
  t.deepEqual(await readdir(cli.directory, { recursive: true }), names);

  const stage = ['--stage', 'rotate.json'];
  const staged = await cli.run('keys', 'rotate', '--repo', 'repo', ...online, ...generate, ...stage);
  t.is(staged.status, 0, staged.stderr);
  t.regex(staged.stdout, /missing for root: 1 more/);
  const signed = await cli.run('keys', 'sign-root', 'rotate.json', '--keys', 'keys');
  t.is(signed.status, 0, signed.stderr);
  t.regex(signed.stdout, /nothing is missing/);
  const released = await cli.run('release', 'rotate.json', ...REPO);
  t.is(released.status, 0, released.stderr);
  t.is(roleOf(await list(cli), 'timestamp')?.keys[0]?.path, join('keys', 'new.pem'));
});

test('keys are encrypted with a passphrase from a file, which is needed from then on', async (t) => {
  const cli = await createCli(t);
  await writeFile(join(cli.directory, 'pass.txt'), 'a long passphrase\nnot this\n');
  await writeFile(join(cli.directory, 'wrong.txt'), 'another\n');
  await writeFile(join(cli.directory, 'empty.txt'), '\n');
  const passphrase = ['--passphrase-file', 'pass.txt'];
  t.is((await cli.run('keys', 'init', 'keys', '--repo', 'repo', ...passphrase)).status, 0);
  t.regex(await readFile(join(cli.directory, 'keys', 'root.pem'), 'utf8'), /^-----BEGIN ENCRYPTED/);
  t.is((await cli.run('keys', 'list', ...REPO, ...passphrase)).status, 0);
  const wrong = await cli.run('keys', 'list', ...REPO, '--passphrase-file', 'wrong.txt');
  t.is(wrong.status, 1);
  t.regex(wrong.stderr, /passphrase is wrong/);
  const empty = await cli.run('keys', 'list', ...REPO, '--passphrase-file', 'empty.txt');
  t.regex(empty.stderr, /found an empty line/);
  const without = await cli.run('keys', 'list', ...REPO);
  t.is(without.status, 2);
  t.regex(without.stderr, /no terminal to ask at; give --passphrase-file/);
});

test('what cannot be meant is refused before anything is made', async (t) => {
  const cli = await createCli(t);
  const init = ['keys', 'init', 'keys', '--repo', 'repo'];
  for (const [args, message] of [
    [[...init, '--root-keys', '1', '--root-threshold', '2'], /at least 2 keys for root, found 1/],
    [[...init, '--expires', 'mirror=3'], /expected --expires/],
    [[...init, '--expires', 'root=0'], /expected --expires/],
    [[...init, '--product', '../x'], /expected --product/],
    [['keys', 'list', '--repo', 'repo'], /expected --keys DIR/],
    [['keys', 'add', ...REPO, '--role', 'root'], /expected --key FILE or --generate/],
    [['keys', 'add', ...REPO, '--role', 'mirror', '--key', 'x'], /expected a role/],
    [['keys', 'rotate', ...REPO, '--role', 'root', '--keep', '--key', 'x'], /--keep without other keys/],
  ] as const) {
    const { status, stderr } = await cli.run(...args);
    t.is(status, 2, stderr);
    t.regex(stderr, message);
    t.false((await readdir(cli.directory)).includes('keys'), stderr);
  }
});
