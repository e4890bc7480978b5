/**
 * A release in steps, as with offline keys: staged by CI, signed on another machine, made live by CI.
 */
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { createCli } from '../support/run-cli.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

test('a release is staged, signed on another machine and released', async (t) => {
  const cli = await createCli(t);
  const { directory } = cli;
  const path = (...names: string[]) => join(directory, ...names);
  const run = async (...args: string[]) => {
    const { status, stdout, stderr } = await cli.run(...args);
    t.is(status, 0, `${args.join(' ')}: ${stderr}`);
    return stdout;
  };

  await run('keys', 'init', 'keys', '--product', 'app');
  t.false((await readdir(directory)).includes('repo'));
  await run('release', 'keys/init.stage.json', '--repo', 'repo', '--keys', 'keys');
  // The other machine has these; CI keeps what it needs every day.
  await mkdir(path('offline'));
  for (const name of ['root', 'targets', 'product-app']) {
    await rename(path('keys', `${name}.pem`), path('offline', `${name}.pem`));
  }
  await writeFile(path('offline', 'root.json'), await readFile(path('keys', 'root.json')));
  await writeFile(path('image'), seededBytes('sign', 100_000));
  const repository = ['--repo', 'repo', '--keys', 'keys'];
  const publish = ['publish', 'image', ...repository, '--product', 'app', '--channel', 'stable'];
  await run(...publish, '--version', '1.0', '--unsigned', 'stage.json');
  const fetch = [
    'fetch',
    '--repo',
    'repo',
    '--root',
    'keys/root.json',
    '--product',
    'app',
    '--output',
    'out',
  ];
  t.is((await cli.run(...fetch)).status, 10, 'devices see nothing of it');

  const early = await cli.run('release', 'stage.json', ...repository);
  t.is(early.status, 1);
  t.regex(early.stderr, /product-app lacks 1 more/);
  const shown = await run('sign', 'stage.json', '--keys', 'offline');
  t.regex(shown, /release app 1\.0 \(counter 1\)/);
  t.regex(shown, /1 releases, the newest 1\.0, stable is 1\.0/);
  t.regex(shown, /nothing is missing/);
  await run('release', 'stage.json', ...repository);
  await run(...fetch, '--channel', 'stable');
  t.deepEqual(await readFile(path('out')), await readFile(path('image')));

  const twice = await cli.run('release', 'stage.json', ...repository);
  t.is(twice.status, 1);
  t.regex(twice.stderr, /stage the change again/);
  await run('release', ...repository);

  const altered = (await readFile(path('stage.json'), 'utf8')).replace('"product-app"', '"product-abb"');
  await writeFile(path('stage.json'), altered);
  const refused = await cli.run('sign', 'stage.json', '--keys', 'offline');
  t.is(refused.status, 12, refused.stderr);
  t.is(await readFile(path('stage.json'), 'utf8'), altered, 'it is left as it was');
});

test('a channel is pointed at another release, which devices may go down to', async (t) => {
  const cli = await createCli(t);
  await cli.run('keys', 'init', 'keys', '--repo', 'repo', '--product', 'app');
  await writeFile(join(cli.directory, 'image'), seededBytes('channel', 50_000));
  const repository = ['--repo', 'repo', '--keys', 'keys', '--product', 'app'];
  for (const version of ['1.0', '1.1']) {
    await cli.run('publish', 'image', ...repository, '--version', version, '--channel', 'stable');
  }
  const moved = await cli.run('channel', 'stable', '1.0', ...repository, '--allow-downgrade-from', '1.1');
  t.is(moved.status, 0, moved.stderr);
  t.regex(moved.stdout, /stable of app is 1\.0/);
  const options = [
    '--repo',
    'repo',
    '--root',
    'keys/root.json',
    '--product',
    'app',
    '--output',
    'out',
    '--json',
  ];
  const fetched = await cli.run('fetch', ...options, '--channel', 'stable', '--installed', '2');
  t.is(fetched.status, 0, fetched.stderr);
  t.is(JSON.parse(fetched.stdout).version, '1.0');
  const missing = await cli.run('channel', 'stable', '9.9', ...repository);
  t.is(missing.status, 10, missing.stderr);
});
