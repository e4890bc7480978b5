import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { MiB } from '../../src/core/sizes.ts';
import type { FetchReport } from '../../src/fetcher/fetch-report.ts';
import { startStaticServer } from '../../src/server/static-server.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { createCli, resultOf } from '../support/run-cli.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`a fetch stopped by ${signal} exits with 130, and the next one resumes`, async (t) => {
    const { directory, start, run } = await createCli(t);
    const image = seededBytes('cli interrupt', 4 * MiB);
    await writeFile(join(directory, 'a.img'), image);
    const release = [
      '--insecure',
      '--repo',
      'repo',
      '--product',
      'p',
      '--version',
      '1',
      '--compression',
      '1',
    ];
    t.is((await run('publish', 'a.img', ...release)).status, 0);
    const server = await startStaticServer(join(directory, 'repo'));
    // The line goes dead when most of the pack has come.
    const proxy = await startFaultProxy(server.url, {
      rules: [{ match: /packs/, fault: { kind: 'stall', after: 3 * MiB } }],
    });
    t.teardown(async () => {
      await proxy.close();
      await server.close();
    });
    const fetch = ['fetch', '--insecure', '--product', 'p', '--output', 'out.img', '--json', '--repo'];
    const child = start(...fetch, proxy.url);
    const ended = resultOf(child);
    const part = join(directory, 'out.img.silt-part', 'image');
    const written = async (): Promise<number> => (await readFile(part).catch(() => '')).length;
    while ((await written()) < MiB) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill(signal);
    const { status, stdout, stderr } = await ended;
    t.is(status, 130);
    t.is(stdout, '');
    const { error } = JSON.parse(stderr) as { error: { code: string; message: string } };
    t.is(error.code, 'INTERRUPTED');
    t.regex(error.message, /resume/);
    t.false((await readdir(directory)).includes('out.img'));

    const resumed = await run(...fetch, server.url);
    t.is(resumed.status, 0);
    const report = JSON.parse(resumed.stdout) as FetchReport;
    t.true(report.bytesKept > 0);
    t.true(report.bytesFetched < image.length);
    t.deepEqual(await readFile(join(directory, 'out.img')), Buffer.from(image));
  });
}
