import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const program = fileURLToPath(new URL('../../bench/scale.ts', import.meta.url));

test('a row of releases is published and fetched, and the tables are written into the page', async (t) => {
  const work = await temporaryDirectory(t);
  const page = join(work, 'page.md');
  await writeFile(page, 'before\n<!-- scale -->\n<!-- /scale -->\nafter\n');
  const size = ['--bytes', '24MiB', '--releases', '2'];
  const child = spawn(process.execPath, [program, ...size, '--page', page, '--work', work], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.teardown(() => void child.kill('SIGKILL'));
  const [, problems, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  t.is(status, 0, problems);
  const written = await readFile(page, 'utf8');
  t.regex(written, /^before\n<!-- scale -->\n\nReleases of 24\.0 MiB, /);
  t.regex(written, /<!-- \/scale -->\nafter\n$/);
  t.is([...written.matchAll(/^\| [12] \|/gm)].length, 3);
  t.is([...written.matchAll(/^\| none \|/gm)].length, 1);
});
