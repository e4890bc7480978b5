import { chmod, readFile, readlink, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { makeComponents, slotDevices } from '../../src/device/make-installer.ts';
import type { SlotPaths } from '../../src/device/update/device.ts';
import { configIn, oneComponent, TWO_SLOTS } from '../support/configured-device.ts';
import { committed } from '../support/install-image.ts';
import { tarOf } from '../support/tar-builder.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const NONE = { bootLoader: 'bootLoader: { type: none }' };

/** The component whose installer is `yaml`. */
async function configured(t: ExecutionContext, yaml: string, directory?: string) {
  const place = directory ?? (await temporaryDirectory(t));
  const [component] = makeComponents(configIn(place, { ...NONE, components: oneComponent(yaml) }).components);
  return { directory: place, component: component!, installer: component!.installer() };
}

/** A program of sh that can be run. */
async function program(directory: string, name: string, text: string): Promise<void> {
  await writeFile(join(directory, name), `#!/bin/sh\nset -eu\n${text}\n`);
  await chmod(join(directory, name), 0o755);
}

test('slots: the one that is chosen is written, and the other one is its seed', async (t) => {
  const directory = await temporaryDirectory(t);
  const [component] = makeComponents(configIn(directory, { components: TWO_SLOTS }).components);
  const [a, b] = [join(directory, 'slot-a'), join(directory, 'slot-b')];
  t.deepEqual(component?.slots, [
    { boot: 'A', device: a, rescue: false },
    { boot: 'B', device: b, rescue: false },
  ]);
  t.deepEqual(slotDevices([component!]), [
    { boot: 'A', device: a },
    { boot: 'B', device: b },
  ]);
  await writeFile(a, 'old');
  await writeFile(b, '');
  const slots: SlotPaths = { target: b, active: a };
  const installer = component!.installer(slots);
  t.deepEqual(await installer.prepare('2'), { output: b, inPlace: true, seeds: [a] });
  await committed(installer, '2', Buffer.from('new'));
  await installer.finish();
  t.is(await readFile(b, 'utf8'), 'new');
});

test('slots: which one it is has to be said', async (t) => {
  const { components } = configIn(await temporaryDirectory(t), { components: TWO_SLOTS });
  t.throws(() => makeComponents(components)[0]?.installer(), { code: 'INTERNAL' });
});

test('a rescue slot is told as one', async (t) => {
  const components = oneComponent(
    '{ type: slots, slots: [{ device: a, boot: A }, { device: r, boot: R, role: rescue }] }',
  );
  const [component] = makeComponents(configIn(await temporaryDirectory(t), { components }).components);
  t.deepEqual(
    component?.slots?.map(({ rescue }) => rescue),
    [false, true],
  );
});

test('a file: its path and its mode', async (t) => {
  const { directory, component, installer } = await configured(t, '{ type: file, path: table, mode: 0640 }');
  t.deepEqual([component.name, component.image, component.slots], ['part', 'part', undefined]);
  await committed(installer, '1', Buffer.from('rows'));
  await installer.finish();
  t.is(await readFile(join(directory, 'table'), 'utf8'), 'rows');
  t.is((await stat(join(directory, 'table'))).mode & 0o777, 0o640);
});

test('a directory: its root, its limits, and whether the image is kept', async (t) => {
  const yaml = '{ type: directory, root: app, maxEntries: 2, maxBytes: 4KiB, keepImage: false }';
  const { directory, installer } = await configured(t, yaml);
  const tree = (names: readonly string[]): Buffer =>
    tarOf(names.map((name) => ({ name, content: `the ${name}` })));
  await committed(installer, '1', tree(['run']));
  await installer.finish();
  t.is(await readlink(join(directory, 'app', 'current')), 'versions/1');
  t.is(await readFile(join(directory, 'app', 'current', 'run'), 'utf8'), 'the run');
  t.deepEqual((await installer.prepare('2')).seeds, []);
  const [many, large] = [tree(['a', 'b', 'c']), tarOf([{ name: 'a', content: 'x'.repeat(5000) }])];
  for (const archive of [many, large]) {
    await throwsSilt(t, () => committed(installer, '2', archive), 'INSTALL_FAILED');
    await installer.rollback();
  }
});

// One after the other: a program that is being written while another one is started cannot be run (ETXTBSY).
test.serial(
  'OCI: the commands with what stands in braces, their environment, and where images are kept',
  async (t) => {
    const directory = await temporaryDirectory(t);
    await program(directory, 'engine', 'cd "$(dirname "$0")"; echo "$*|$TAG|$(cat "$2")" >>log');
    const commands =
      'load: [./engine, "{version}", "{path}"], activate: [./engine, use, "{path}"], remove: [./engine, drop, log]';
    const yaml = `{ type: oci, directory: kept, ${commands}, environment: { TAG: t1 } }`;
    const { installer } = await configured(t, yaml, directory);
    await committed(installer, '1', Buffer.from('image'));
    const next = join(directory, 'kept', 'next.tar');
    t.is(await readFile(join(directory, 'log'), 'utf8'), `1 ${next}|t1|image\nuse ${next}|t1|image\n`);
    await installer.finish();
    t.deepEqual(await installer.status(), { present: true, version: '1' });
  },
);

test.serial(
  'a package: the commands of the configuration, and the environment that packages want',
  async (t) => {
    const directory = await temporaryDirectory(t);
    await program(directory, 'tool', 'cd "$(dirname "$0")"; echo "$1 $DEBIAN_FRONTEND" >>log');
    const commands =
      'check: [./tool, check, "{path}"], install: [./tool, install, "{path}"], remove: [./tool, remove]';
    const { installer } = await configured(t, `{ type: deb, directory: kept, ${commands} }`, directory);
    await committed(installer, '1', Buffer.from('package'));
    await installer.finish();
    t.is(await readFile(join(directory, 'log'), 'utf8'), 'check noninteractive\ninstall noninteractive\n');
  },
);

test.serial('commands of packages are ended after the seconds of the configuration', async (t) => {
  const yaml = '{ type: deb, directory: kept, check: [sleep, 60], timeout: 1s }';
  const { installer } = await configured(t, yaml);
  const error = await throwsSilt(t, () => committed(installer, '1', Buffer.from('x')), 'INSTALL_FAILED');
  t.regex(error.message, /longer than 1 s/);
});

test.serial(
  'an installer program: command, environment and working directory, and a time for each verb',
  async (t) => {
    const directory = await temporaryDirectory(t);
    const text = `read -r line; echo "$2 $BAUD $(pwd) $line" >>"$(dirname "$0")/log"
case $2 in
  status) echo '{"present": true, "version": "7"}' ;;
  prepare) printf '{"output": "%s/image"}' "$(dirname "$0")" ;;
  rollback) exec sleep 60 ;;
esac`;
    await program(directory, 'flash', text);
    const yaml =
      '{ type: command, command: [./flash, --fast], environment: { BAUD: 9600 }, timeouts: { rollback: 1s } }';
    const { installer } = await configured(t, yaml, directory);
    t.deepEqual(await installer.status(), { present: true, version: '7' });
    await committed(installer, '8', Buffer.from('firmware'));
    const log = (await readFile(join(directory, 'log'), 'utf8')).trim().split('\n');
    t.deepEqual(
      log.map((line) => line.split(' ', 3)),
      ['status', 'prepare', 'install', 'commit'].map((verb) => [verb, '9600', '/']),
    );
    t.regex(log[2] ?? '', /"component":"part"/);
    const error = await throwsSilt(t, () => installer.rollback(), 'INSTALL_FAILED');
    t.regex(error.message, /longer than 1 s/);
  },
);
