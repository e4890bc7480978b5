import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { encodeGrubEnvironment, withGrubVariables } from '../../src/device/boot/grub-environment.ts';
import { decodeEnvironment, encodeEnvironment } from '../../src/device/boot/uboot-environment.ts';
import { bootSlots, makeBootLoader } from '../../src/device/make-boot-loader.ts';
import { configIn, TWO_SLOTS } from '../support/configured-device.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const SIZE = 1024;
const VARIABLES = new Map([
  ['BOOT_ORDER', 'A B'],
  ['BOOT_B_LEFT', '0'],
]);

/** The boot loader of `yaml`, with `prepare` having made what it finds. */
async function configured(
  t: ExecutionContext,
  yaml: string,
  prepare: (directory: string) => Promise<void> = async () => {},
) {
  const directory = await temporaryDirectory(t);
  await prepare(directory);
  const changes = { components: TWO_SLOTS, bootLoader: `bootLoader: ${yaml.replaceAll('@', directory)}` };
  const config = configIn(directory, changes);
  const { loader, tries } = makeBootLoader(config.bootLoader, bootSlots(config.components));
  return { directory, loader: loader!, tries };
}

/** What an update does to it. */
async function updates(
  t: ExecutionContext,
  { loader, tries }: Awaited<ReturnType<typeof configured>>,
): Promise<void> {
  t.is((await loader.read()).primary, 'A');
  await loader.markBad('B');
  await loader.activate('B', tries);
  const { primary, order } = await loader.read();
  t.is(primary, 'B');
  t.true([undefined, tries].includes(order[0]?.triesLeft));
  await loader.markGood('B');
  await loader.markBad('A');
  const after = await loader.read();
  t.is(after.primary, 'B');
  t.deepEqual(
    after.order.map(({ name, bootable }) => [name, bootable]),
    [
      ['B', true],
      ['A', false],
    ],
  );
}

async function ubootEnvironment(directory: string): Promise<void> {
  const copy = encodeEnvironment({ generation: 0, variables: VARIABLES }, SIZE);
  await writeFile(join(directory, 'env'), Buffer.concat([copy, copy]));
}

test('U-Boot: the copies of the configuration are those that are written', async (t) => {
  const places = 'copies: [{ path: env, offset: 0 }, { path: env, offset: 0x400 }], size: 0x400';
  const device = await configured(t, `{ type: uboot, ${places}, tries: 5 }`, ubootEnvironment);
  t.is(device.tries, 5);
  await updates(t, device);
  const bytes = await readFile(join(device.directory, 'env'));
  const copies = [bytes.subarray(0, SIZE), bytes.subarray(SIZE)].map((copy) =>
    decodeEnvironment(copy, true, 'env'),
  );
  // Each write takes the older copy, with the tries of the configuration.
  t.deepEqual(copies.map(({ generation }) => generation).sort(), [2, 3]);
  for (const { variables } of copies) t.is(variables.get('BOOT_B_LEFT'), '5');
});

test('U-Boot: fw_env.config names the copies just as well', async (t) => {
  const device = await configured(t, '{ type: uboot, fwEnvConfig: fw_env.config }', async (directory) => {
    await ubootEnvironment(directory);
    const path = join(directory, 'env');
    await writeFile(join(directory, 'fw_env.config'), `# two\n${path} 0x0 0x400\n${path} 0x400 0x400\n`);
  });
  t.is(device.tries, 3);
  await updates(t, device);
});

test('U-Boot: what is missing is told when it is asked for, and looked for again the next time', async (t) => {
  const { directory, loader } = await configured(t, '{ type: uboot, fwEnvConfig: fw_env.config }');
  const error = await throwsSilt(t, () => loader.read(), 'CONFIG_INVALID');
  t.regex(error.message, /fw_env\.config to say where the environment/);
  const path = join(directory, 'env');
  await writeFile(join(directory, 'fw_env.config'), `${path} 0x0 0x400\n${path} 0x400 0x400\n`);
  await throwsSilt(t, () => loader.markBad('B'), 'IO_FAILED');
  await ubootEnvironment(directory);
  t.is((await loader.read()).primary, 'A');
  await writeFile(join(directory, 'fw_env.config'), '#'.repeat(20_000));
  t.is((await loader.read()).primary, 'A');
});

test('GRUB: the environment block of the configuration, and one try', async (t) => {
  const device = await configured(t, '{ type: grub, environment: grubenv }', async (directory) => {
    const variables = { ORDER: 'A B', A_OK: '1', A_TRY: '0', B_OK: '0', B_TRY: '0' };
    const block = encodeGrubEnvironment(withGrubVariables({ lines: [] }, variables));
    await writeFile(join(directory, 'grubenv'), block);
  });
  t.is(device.tries, 1);
  await updates(t, device);
});

test('systemd-boot: the partition and the prefix of the configuration', async (t) => {
  const yaml = '{ type: systemd-boot, root: esp, prefix: gw, tries: 2 }';
  const device = await configured(t, yaml, async (directory) => {
    const entries = join(directory, 'esp', 'loader', 'entries');
    await mkdir(entries, { recursive: true });
    await writeFile(join(entries, 'gw-2-A.conf'), 'title A\n');
    await writeFile(join(entries, 'gw-1-B+0.conf'), 'title B\n');
  });
  t.is(device.tries, 2);
  await updates(t, device);
});

const PROGRAM = `#!/bin/sh
set -eu
[ "$(pwd)" = / ] && [ "$1" = --port ] && [ "$COLOUR" = red ] || exit 9
shift; cd "$(dirname "$0")"
case $1 in
  get-primary) cat primary ;;
  set-primary) echo "$2" >primary; echo "$SILT_TRIES" >tries; echo good >"$2" ;;
  get-state) cat "$2" ;;
  set-state) echo "$3" >"$2" ;;
  get-current) echo A ;;
esac
`;

// One after the other: a program that is being written while another one is started cannot be run (ETXTBSY).
test.serial('a command: its arguments and environment, run in /, and the tries it is told', async (t) => {
  const yaml = '{ type: command, command: [./boot, --port], environment: { COLOUR: red }, timeout: 20s }';
  const device = await configured(t, yaml, async (directory) => {
    await writeFile(join(directory, 'boot'), PROGRAM);
    await chmod(join(directory, 'boot'), 0o755);
    await writeFile(join(directory, 'primary'), 'A\n');
    await writeFile(join(directory, 'A'), 'good\n');
    await writeFile(join(directory, 'B'), 'bad\n');
  });
  await updates(t, device);
  t.is(await readFile(join(device.directory, 'tries'), 'utf8'), `${device.tries}\n`);
  t.is(await device.loader.booted?.(), 'A');
});

test.serial('a command that hangs is ended after the seconds of the configuration', async (t) => {
  const yaml = '{ type: command, command: [sh, -c, exec sleep 60], timeout: 1s }';
  const { loader } = await configured(t, yaml);
  const error = await throwsSilt(t, () => loader.markBad('B'), 'BOOT_FAILED');
  t.regex(error.message, /longer than 1 s/);
});

test('the simulator: the file of the configuration', async (t) => {
  const device = await configured(t, '{ type: simulated, state: boot.json, tries: 4 }');
  t.is(device.tries, 4);
  await updates(t, device);
  t.regex(await readFile(join(device.directory, 'boot.json'), 'utf8'), /silt-simulated-boot/);
});

test('without a boot loader, or without names of slots, there is none', async (t) => {
  const directory = await temporaryDirectory(t);
  const components = 'components: [{ name: app, installer: { type: file, path: app } }]';
  for (const type of ['none', 'grub']) {
    const config = configIn(directory, { components, bootLoader: `bootLoader: { type: ${type} }` });
    t.is(makeBootLoader(config.bootLoader, bootSlots(config.components)).loader, undefined, type);
  }
});

test('slots are named once, in declared order, the rescue system among them', async (t) => {
  const directory = await temporaryDirectory(t);
  const components = `components:
  - { name: kernel, installer: { type: slots, slots: [{ device: k1, boot: B }, { device: k2, boot: A }] } }
  - { name: app, installer: { type: file, path: app } }
  - name: rootfs
    installer:
      type: slots
      slots: [{ device: r1, boot: A }, { device: r2, boot: B }, { device: r3, boot: R, role: rescue }]`;
  t.deepEqual(bootSlots(configIn(directory, { components }).components), ['B', 'A', 'R']);
});
