/**
 * The guide to publishing to S3, run as it stands but for endpoint and keys: every `sh` block in order, by one shell
 * that stops at the first command that fails, against a real server.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { KiB } from '../../src/core/sizes.ts';
import type { PublishReport } from '../../src/publisher/publish-report.ts';
import { clearAwsEnvironment, TEST_CREDENTIALS } from '../support/aws-environment.ts';
import { withFlips } from '../support/edited-image.ts';
import { resultOf } from '../support/run-cli.ts';
import { findVersitygw, startS3Server } from '../support/s3-server.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const guide = readFileSync(new URL('../../docs/guides/publish-s3.md', import.meta.url), 'utf8');
const script = [...guide.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((match) => match[1]).join('\n');

clearAwsEnvironment();

test('the guide to publishing to S3 works as it stands', async (t) => {
  t.timeout(110_000);
  t.is([...script.matchAll(/\bsilt (publish|verify|fetch|keys) /g)].length, 8);
  const program = findVersitygw(process.env);
  if (program === undefined) {
    const reason = 'no versitygw: run scripts/provision-versitygw.sh; until then the guide is not run';
    t.falsy(process.env.CI, reason);
    t.log(reason);
    return;
  }
  const server = await startS3Server(program);
  t.teardown(() => server.close());
  await server.makeBucket('updates');
  const ours = script
    .replace('https://s3.example.com', server.endpoint)
    .replace('=KEY ', `=${TEST_CREDENTIALS.accessKeyId} `)
    .replace('=SECRET', `=${TEST_CREDENTIALS.secretAccessKey}`);
  const directory = await temporaryDirectory(t);
  const [bin, work] = [join(directory, 'bin'), join(directory, 'work')];
  for (const path of [bin, work]) await mkdir(path);
  await writeFile(join(bin, 'silt'), `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
  await chmod(join(bin, 'silt'), 0o755);
  const image = seededBytes('guide', 600 * KiB);
  await writeFile(join(work, 'rootfs.ext4'), image);
  await writeFile(join(work, 'rootfs-new.ext4'), withFlips(image, 0, image.length, 5000));
  const child = spawn('sh', ['-eux', '-c', ours], {
    cwd: work,
    env: {
      ...process.env,
      PATH: [bin, process.env.PATH].join(delimiter),
      XDG_STATE_HOME: join(directory, 'state'),
      NO_COLOR: '1',
      NODE_COMPILE_CACHE: join(directory, 'cache'),
    },
  });
  t.teardown(() => void child.kill('SIGKILL'));
  child.stdin.end();
  const { status, stderr } = await resultOf(child);
  t.is(status, 0, stderr.split('\n').slice(-6).join('\n'));
  const report = JSON.parse(await readFile(join(work, 'report.json'), 'utf8')) as PublishReport;
  t.is(report.deltasKept, 1);
});
