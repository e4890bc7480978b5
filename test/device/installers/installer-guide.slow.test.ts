import { readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { findProgram } from '../../../src/compare/find-program.ts';
import { CommandInstaller, DEFAULT_VERB_LIMITS } from '../../../src/device/installers/command-installer.ts';
import { committed, cutOrders, fetched, inOrder } from '../../support/install-image.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

const guide = await readFile(new URL('../../../docs/guides/installer-protocol.md', import.meta.url), 'utf8');
const example = /```sh\n([\s\S]*?)```/.exec(guide)?.[1] ?? '';

// The example is for Linux: util-linux and coreutils.
const isMissing = ['flock', 'sync', 'cmp', 'sed'].some(
  (name) => findProgram(name, process.env) === undefined,
);
const exampleTest = isMissing && process.env.CI !== 'true' ? test.skip : test;

async function microcontroller(t: ExecutionContext) {
  const directory = await temporaryDirectory(t);
  await writeFile(join(directory, 'installer.sh'), example);
  const installer = new CommandInstaller({
    component: 'mcu',
    command: ['sh', join(directory, 'installer.sh')],
    env: { MCU_DIRECTORY: directory },
  });
  const active = async () =>
    await readFile(join(directory, await readlink(join(directory, 'active'))), 'utf8').catch(() => undefined);
  return { directory, installer, active };
}

exampleTest("the guide's example installs, and takes back, whatever the cuts", async (t) => {
  for (const order of cutOrders) {
    const { installer, active } = await microcontroller(t);
    await committed(installer, '1', Buffer.from('one'));
    await installer.finish();
    await inOrder(installer, order, '2', Buffer.from('two'));
    t.is(await active(), 'two', order.join());
    t.deepEqual(await installer.status(), { present: true, version: '2' });
    for (let again = 0; again < 2; again++) {
      await installer.rollback();
      t.is(await active(), 'one', order.join());
    }
  }
});

exampleTest(
  "the guide's example has nothing to take back before the commit and after the finish",
  async (t) => {
    const { directory, installer, active } = await microcontroller(t);
    t.deepEqual(await installer.status(), { present: false });
    t.deepEqual((await installer.prepare('1')).seeds, []);
    await installer.rollback();
    await committed(installer, '1', Buffer.from('one'));
    await installer.rollback();
    t.deepEqual(await installer.status(), { present: false });
    await committed(installer, '1', Buffer.from('one'));
    await installer.finish();
    await installer.finish();
    await installer.rollback();
    t.is(await active(), 'one');
    t.deepEqual((await installer.prepare('2')).seeds, [
      join(directory, await readlink(join(directory, 'active'))),
    ]);
    await installer.install(await fetched(installer, '2', Buffer.from('two')));
    t.is(await active(), 'one');
  },
);

exampleTest("the guide's example goes on from a cut inside its commit", async (t) => {
  const { directory, installer, active } = await microcontroller(t);
  await committed(installer, '1', Buffer.from('one'));
  await installer.finish();
  const image = await fetched(installer, '2', Buffer.from('two'));
  await installer.install(image);
  await symlink(await readlink(join(directory, 'active')), join(directory, 'before'));
  await installer.install(image);
  await installer.commit(image);
  t.is(await active(), 'two');
  await installer.rollback();
  t.is(await active(), 'one');
});

exampleTest("the guide's example refuses to commit what it has not installed", async (t) => {
  const { directory, installer } = await microcontroller(t);
  const image = await fetched(installer, '1', Buffer.from('one'));
  await throwsSilt(t, () => installer.commit(image), 'INSTALL_FAILED');
  t.false((await readdir(directory)).includes('active'));
});

exampleTest('what the guide says the directory holds after a first update is what it holds', async (t) => {
  const { directory, installer } = await microcontroller(t);
  await committed(installer, '1', Buffer.from('one'));
  await installer.finish();
  const named = ['active', 'bank-a', 'bank-a.version', 'installer.sh', 'lock'];
  t.deepEqual((await readdir(directory)).sort(), named);
});

test('the limits in the guide are those of the code', (t) => {
  const shown = Object.fromEntries(
    [...guide.matchAll(/^\| `(\w+)` \|.*\| (\d+) (s|min) \|$/gm)].map(([, verb, count, unit]) => [
      verb,
      Number(count) * (unit === 's' ? 1000 : 60_000),
    ]),
  );
  t.deepEqual(shown, DEFAULT_VERB_LIMITS);
});
