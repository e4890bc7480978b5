/** What the guide to devices says is so: its configurations, layouts and scripts, and the boot scripts beside it. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import test from 'ava';
import { findProgram } from '../../src/compare/find-program.ts';
import { MiB } from '../../src/core/sizes.ts';
import { grubBootLoader } from '../../src/device/boot/grub-boot-loader.ts';
import { systemdBootLoader } from '../../src/device/boot/systemd-boot-loader.ts';
import { parseFwEnvConfig } from '../../src/device/boot/uboot-config.ts';
import { parseConfig } from '../../src/device/config/parse-config.ts';
import { PHASES } from '../../src/device/update/device-state.ts';
import { deviceGuide, guideBlocks, textOf, textsOf } from '../support/device-guide.ts';
import { grubEditenv, grubEditenvTest } from '../support/grub-editenv.ts';
import { checkSample } from '../support/sample-config.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { bootScript } from '../support/uboot-script.ts';

const repositoryFile = (path: string): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

const [deviceYaml = ''] = textsOf('yaml', 'Keys and configuration');
const { config, warnings } = parseConfig(deviceYaml, { path: '/etc/silt/device.yaml' });

const path = [process.env.PATH, '/usr/sbin', '/sbin'].join(delimiter);
const sfdisk = findProgram('sfdisk', { PATH: path });
const sfdiskTest = sfdisk === undefined && process.env.CI !== 'true' ? test.skip : test;

test('every block of the guide is of a kind that a test reads', (t) => {
  const byKind: Record<string, number> = {};
  for (const { kind, section } of guideBlocks) {
    const key = kind === 'sh' ? `sh: ${section}` : kind;
    byKind[key] = (byKind[key] ?? 0) + 1;
  }
  t.deepEqual(byKind, {
    sfdisk: 1,
    kconfig: 1,
    fw_env: 1,
    'sh: GRUB': 1,
    'entry silt-1-A.conf': 1,
    'entry silt-0-B+0.conf': 1,
    'yaml fragment': 1,
    // Not run: these two.
    bitbake: 1,
    wks: 1,
    fstab: 1,
    'sh: silt and Node.js in it': 1,
    yaml: 1,
    'sh: Keys and configuration': 2,
    'sh: Hooks that are worth their names': 3,
    'yaml desk': 1,
    // These by the slow test.
    'sh: Try it on a desk': 7,
    text: 6,
  });
});

test('the configurations are right, without a warning', (t) => {
  t.deepEqual(warnings, []);
  t.deepEqual(parseConfig(textOf('yaml desk'), { path: '/tmp/desk/desk.yaml' }).warnings, []);
  const [components = '', bootLoader = ''] = textOf('yaml fragment').split(/^(?=bootLoader:)/m);
  const { mistakes, warnings: told } = checkSample({ components, bootLoader });
  t.deepEqual([mistakes, told], [[], []]);
});

sfdiskTest(
  'the partitions fit a disk of 4 GB, and are those of configuration and boot scripts',
  async (t) => {
    const disk = join(await temporaryDirectory(t), 'disk');
    await writeFile(disk, '');
    await truncate(disk, 3820 * MiB);
    execFileSync(sfdisk ?? '', ['--quiet', disk], {
      input: textOf('sfdisk'),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const { partitiontable } = JSON.parse(
      execFileSync(sfdisk ?? '', ['--json', disk], { encoding: 'utf8' }),
    ) as {
      partitiontable: { partitions: { name: string; start: number; size: number }[]; sectorsize: number };
    };
    const { partitions, sectorsize } = partitiontable;
    const named = (name: string) => partitions.findIndex((each) => each.name === name) + 1;
    const [a, b] = [named('root-a'), named('root-b')];
    t.is(partitions[a - 1]?.size, partitions[b - 1]?.size);
    t.is(named('boot'), 1);
    t.is(named('data'), partitions.length);
    for (const [slot, number] of Object.entries({ A: a, B: b })) {
      t.true(
        bootScript.includes(
          `\n${slot}_partition=${number}\n${slot}_root=PARTLABEL=root-${slot.toLowerCase()}\n`,
        ),
      );
      const grub = repositoryFile('packaging/grub/slots.cfg');
      t.true(
        grub.includes(
          `\nset ${slot}_partition=${number}\nset ${slot}_device=PARTLABEL=root-${slot.toLowerCase()}\n`,
        ),
      );
    }
    // The copies of the environment lie before it.
    const [first] = partitions;
    const { bootLoader } = config;
    const places = bootLoader.type === 'uboot' ? (bootLoader.copies ?? []) : [];
    t.is(places.length, 2);
    for (const { offset } of places) t.true(offset > MiB && offset + MiB < (first?.start ?? 0) * sectorsize);
  },
);

test('board, fw_env.config and configuration have the environment at the same places', (t) => {
  const settings = Object.fromEntries(
    textOf('kconfig')
      .trim()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const),
  );
  const { copies, size } = parseFwEnvConfig(textOf('fw_env'), 'fw_env.config');
  t.is(size, Number(settings.CONFIG_ENV_SIZE));
  t.deepEqual(
    copies.map(({ offset }) => offset),
    [Number(settings.CONFIG_ENV_OFFSET), Number(settings.CONFIG_ENV_OFFSET_REDUND)],
  );
  const { bootLoader } = config;
  t.like(bootLoader, { type: 'uboot', size, tries: Number(/^tries=(\d)$/m.exec(bootScript)?.[1]) });
  t.deepEqual(
    bootLoader.type === 'uboot' && bootLoader.copies,
    copies.map(({ path, offset }) => ({ path, offset })),
  );
});

test('labels, names and sizes of the disk for Yocto are those of the table', (t) => {
  const sizes = (text: string, name: RegExp, size: RegExp): (string | undefined)[][] =>
    text
      .split('\n')
      .filter((line) => name.test(line))
      .map((line) => [name.exec(line)?.[1], size.exec(line)?.[1]]);
  const table = sizes(textOf('sfdisk'), /name=(\S+)/, /size=(\d+[MG])iB/).slice(0, 3);
  const wic = sizes(textOf('wks'), /--part-name (\S+)/, /--fixed-size (\d+M)/);
  t.deepEqual(
    wic.slice(0, 3),
    table.map(([name, size]) => [name, size === '1G' ? '1024M' : size]),
  );
  t.is(wic.length, 4);
});

grubEditenvTest('the environment of GRUB is made so that slot A starts and B does not', async (t) => {
  const grubenv = join(await temporaryDirectory(t), 'grubenv');
  const words = (line: string): string[] =>
    [...line.matchAll(/"([^"]*)"|[^\s"]+="[^"]*"|\S+/g)].map(([all]) => all);
  for (const line of textOf('sh', 'GRUB').trim().split('\n')) {
    const [program, where, ...args] = words(line);
    t.deepEqual([program, where], ['grub-editenv', '/boot/efi/EFI/BOOT/grubenv']);
    await grubEditenv(grubenv, ...args.map((each) => each.replaceAll('"', '')));
  }
  const state = await grubBootLoader({ path: grubenv, slots: ['A', 'B'] }).read();
  t.is(state.primary, 'A');
  t.deepEqual(
    state.order.map(({ name, bootable }) => [name, bootable]),
    [
      ['A', true],
      ['B', false],
    ],
  );
});

test('the entries of systemd-boot are read: A is good, B is not started until it is activated', async (t) => {
  const root = await temporaryDirectory(t);
  const entries = join(root, 'loader', 'entries');
  await mkdir(entries, { recursive: true });
  for (const { kind, text } of guideBlocks) {
    const [, name] = /^entry (\S+)$/.exec(kind) ?? [];
    if (name === undefined) continue;
    const slot = /^silt-\d+-([AB])/.exec(name)?.[1] ?? '';
    t.true(
      text.includes(`PARTLABEL=root-${slot.toLowerCase()} `) && text.includes(` silt.slot=${slot}\n`),
      name,
    );
    t.true(
      textOf('yaml fragment').includes(`/boot/efi${/^linux (\S+)$/m.exec(text)?.[1]}, boot: ${slot}`),
      name,
    );
    await writeFile(join(entries, name), text);
  }
  const loader = systemdBootLoader({ root, slots: ['A', 'B'] });
  const before = await loader.read();
  t.is(before.primary, 'A');
  t.deepEqual(before.order.find(({ name }) => name === 'A')?.triesLeft, undefined);
  t.is(before.order.find(({ name }) => name === 'B')?.bootable, false);
  await loader.activate('B', 3);
  t.true(deviceGuide.includes('`silt-2-B+3.conf`'));
  t.is((await loader.read()).primary, 'B');
});

test('the package is called as the guide calls it, and brings the program', (t) => {
  const { name, version, bin, engines } = JSON.parse(repositoryFile('package.json')) as {
    name: string;
    version: string;
    bin: object;
    engines: { node: string };
  };
  t.true(textOf('sh', 'silt and Node.js in it').includes(` ${name}-${version}.tgz\n`));
  t.deepEqual(Object.keys(bin), ['silt']);
  t.true(deviceGuide.includes(`Node.js ${engines.node.replace('>=', '')} or later`));
});

test('the data partition is mounted where the state is kept', (t) => {
  const [device, mountPoint] = textOf('fstab').trim().split(/\s+/);
  t.is(device, 'PARTLABEL=data');
  t.true(config.stateDirectory.startsWith(`${mountPoint}/`));
  // A line of wic would be on the new disk alone.
  t.deepEqual(/^part (?!\/boot |\/ |--)/m.exec(textOf('wks')), null);
});

test('the table of power cuts has every phase', (t) => {
  const section = /^## What a power cut does$([\s\S]*?)^## /m.exec(deviceGuide)?.[1] ?? '';
  const named = [...section.matchAll(/`(\w+)`/g)].map(([, name]) => name);
  t.deepEqual(
    PHASES.filter((phase) => !named.includes(phase)),
    [],
  );
});

const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');

test('every link of the guide leads somewhere', (t) => {
  const here = new URL('../../docs/guides/device.md', import.meta.url);
  const links = [...deviceGuide.matchAll(/\]\(([^)]+)\)/g)].map(([, link = '']) => link);
  t.true(links.length > 20);
  for (const link of links) {
    const target = new URL(link, here);
    t.true(existsSync(target), link);
    if (target.hash === '') continue;
    const headings = [...readFileSync(target, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, text = '']) => text);
    t.true(headings.map(anchorOf).includes(target.hash.slice(1)), link);
  }
});

test('what the table of troubles quotes from silt status is what silt says', (t) => {
  const section = deviceGuide.slice(deviceGuide.indexOf('\n## When something is wrong'));
  const said = ['describe-device', 'describe-slots', 'device-status']
    .map((name) => repositoryFile(`src/cli/${name}.ts`))
    .join('\n');
  for (const text of [
    'which slot runs is not known',
    'cannot be read: ',
    'not before ',
    'could not be rolled back',
  ]) {
    t.true(section.includes(text), text);
    t.true(said.includes(text), text);
  }
});
