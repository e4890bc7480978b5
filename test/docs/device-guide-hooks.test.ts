/** The hooks that the guide to devices shows do what it says. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { parseConfig } from '../../src/device/config/parse-config.ts';
import { textsOf } from '../support/device-guide.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** Programs of this name that log what they are called with, and end with `status`. */
async function withPrograms(t: ExecutionContext, programs: Readonly<Record<string, number>>) {
  const directory = await temporaryDirectory(t);
  for (const [name, status] of Object.entries(programs)) {
    const file = join(directory, name);
    await writeFile(file, `#!/bin/sh\necho "${name} $*" >>'${directory}/log'\nexit ${status}\n`);
    await chmod(file, 0o755);
  }
  const run = (script: string, env: Readonly<Record<string, string>> = {}) =>
    new Promise<{ status: number; stderr: string }>((resolve) => {
      const PATH = [directory, process.env.PATH].join(delimiter);
      execFile('sh', ['-c', script], { env: { PATH, ...env } }, (error, _stdout, stderr) =>
        resolve({ status: error === null ? 0 : Number(error.code), stderr }),
      );
    });
  return { run, log: () => readFileSync(join(directory, 'log'), 'utf8') };
}

const [health = '', failed = '', inUse = ''] = textsOf('sh', 'Hooks that are worth their names');

test.serial('the health hook asks for each part, and names the one that is missing', async (t) => {
  const good = { systemctl: 0, ip: 0, curl: 0, sleep: 0 };
  const works = await withPrograms(t, good);
  t.deepEqual(await works.run(health), { status: 0, stderr: '' });
  t.is(
    works
      .log()
      .split('\n')
      .filter((line) => line.startsWith('systemctl is-active')).length,
    3,
  );
  t.regex(works.log(), /^curl .*127\.0\.0\.1/m);
  for (const name of ['systemctl', 'ip', 'curl']) {
    const broken = await withPrograms(t, { ...good, [name]: 1 });
    const { status, stderr } = await broken.run(health.replaceAll('within 60', 'within 3'));
    t.is(status, 1, name);
    t.true(stderr.startsWith(`not healthy: ${name} `), stderr);
    t.is(
      broken
        .log()
        .split('\n')
        .filter((line) => line.startsWith(`${name} `)).length,
      3,
    );
  }
});

test.serial('the hooks for failure and deferral do what the guide says', async (t) => {
  const { run, log } = await withPrograms(t, { logger: 0 });
  const facts = { SILT_VERSION: '1.2.0', SILT_CODE: 'HOOK_FAILED', SILT_MESSAGE: 'no answer' };
  t.is((await run(failed, facts)).status, 0);
  t.regex(log(), /update to 1\.2\.0 failed: HOOK_FAILED: no answer/);
  const busy = join(await temporaryDirectory(t), 'busy');
  const script = inUse.replaceAll('/run/gateway/busy', busy);
  t.is((await run(script)).status, 0);
  await writeFile(busy, '');
  t.deepEqual(await run(script), { status: 75, stderr: 'a batch is running\n' });
});

test('the hooks of the configuration are the scripts of the guide', (t) => {
  const scripts = [health, failed, inUse].map((text) => /^# (\/\S+?):?(?: |$)/m.exec(text)?.[1]);
  const [deviceYaml = ''] = textsOf('yaml', 'Keys and configuration');
  const { hooks } = parseConfig(deviceYaml, { path: '/etc/silt/device.yaml' }).config;
  t.deepEqual(
    [hooks.health, hooks.failure, hooks.defer].map((hook) => hook?.command[0]),
    scripts,
  );
});
