import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import type { FetchReport } from '../../src/fetcher/fetch-report.ts';
import { deltaBase, deltaImage } from '../support/delta-release.ts';
import { holdsImage } from '../support/holds-image.ts';
import { createCli } from '../support/run-cli.ts';

test('fetch uses the delta of a release, tells so, and leaves it with --no-delta', async (t) => {
  const cli = await createCli(t);
  const place = ['--insecure', '--repo', 'repo', '--product', 'gateway'];
  for (const [version, image] of Object.entries({ old: deltaBase, new: deltaImage })) {
    await writeFile(join(cli.directory, version), image);
    const options = ['--compression', '1', '--workers', '1', '--version', version, '--bases', '1'];
    const published = await cli.run('publish', ...place, ...options, '--image', `rootfs=${version}`);
    t.is(published.status, 0, published.stderr);
  }
  const fetch = async (
    output: string,
    ...options: string[]
  ): Promise<{ text: string; report: FetchReport }> => {
    const all = ['fetch', ...place, '--seed', 'old', '--output', output, ...options];
    const planned = await cli.run(...all, '--dry-run');
    t.is(planned.status, 0, planned.stderr);
    const done = await cli.run(...all, '--json');
    t.is(done.status, 0, done.stderr);
    await holdsImage(t, join(cli.directory, output), deltaImage);
    return { text: planned.stdout, report: JSON.parse(done.stdout) as FetchReport };
  };
  const delta = await fetch('by delta');
  t.regex(delta.text, /to fetch .* in 5 requests: delta \d.* data 0 B/);
  t.regex(delta.text, /the delta +\d/);
  t.true(delta.report.windows.delta > 0);
  t.true(delta.report.deltaBytes > 0);
  const chunks = await fetch('by chunks', '--no-delta');
  t.notRegex(chunks.text, /delta/);
  t.is(chunks.report.deltaBytes, 0);
  t.true(chunks.report.bytesFetched > delta.report.bytesFetched);
});
