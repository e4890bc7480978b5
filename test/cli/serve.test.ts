import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test from 'ava';
import { createCli } from '../support/run-cli.ts';

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`serve prints its URL, tells of requests on stderr and ends well on ${signal}`, async (t) => {
    const { directory, start } = await createCli(t);
    await mkdir(join(directory, 'repo', 'metadata'), { recursive: true });
    await writeFile(join(directory, 'repo', 'metadata', 'timestamp.json'), '{}');
    const child = start('serve', 'repo');
    const ended = once(child, 'close');
    const [url] = (await once(createInterface(child.stdout), 'line')) as [string];
    t.regex(url, /^http:\/\/127\.0\.0\.1:\d+\/$/);
    const log = once(createInterface(child.stderr), 'line');
    const answer = await fetch(`${url}metadata/timestamp.json`);
    t.is(await answer.text(), '{}');
    t.regex(((await log) as [string])[0], / GET \/metadata\/timestamp\.json - 200 2 \d+ms$/);
    child.kill(signal);
    t.deepEqual(await ended, [0, null]);
  });
}

test('serve with --json prints one document and nothing else', async (t) => {
  const { directory, start } = await createCli(t);
  await mkdir(join(directory, 'repo'));
  const child = start('serve', 'repo', '--json');
  let stderr = '';
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  const [first] = (await once(child.stdout, 'data')) as [Buffer];
  const { url } = JSON.parse(first.toString()) as { url: string };
  t.is((await fetch(`${url}nothing`)).status, 404);
  child.kill('SIGTERM');
  t.deepEqual(await once(child, 'close'), [0, null]);
  t.is(stderr, '');
});

test('serve needs a directory', async (t) => {
  const { run } = await createCli(t);
  const { status, stderr } = await run('serve', 'missing');
  t.is(status, 1);
  t.regex(stderr, /missing/);
});
