import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { BootLoader } from '../../../src/device/boot/boot-loader.ts';
import { systemdBootLoader } from '../../../src/device/boot/systemd-boot-loader.ts';
import { observeDisk } from '../../../src/io/disk.ts';
import { testBootLoader } from '../../support/boot-loader-contract.ts';
import { systemdBoot } from '../../support/systemd-boot-model.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

const slots = ['A', 'B'];
const contentOf = (slot: string): string =>
  `title Slot ${slot}\nlinux /linux-${slot}\noptions root=PARTLABEL=${slot}\n`;
const delivered = { 'silt-2-A.conf': contentOf('A'), 'silt-1-B+0.conf': contentOf('B') };

async function partition(t: ExecutionContext<unknown>, files: Readonly<Record<string, string>> = delivered) {
  const root = await temporaryDirectory(t);
  const entries = join(root, 'loader', 'entries');
  await mkdir(entries, { recursive: true });
  for (const [name, content] of Object.entries(files)) await writeFile(join(entries, name), content);
  return { root, entries, loader: systemdBootLoader({ root, slots }) };
}

/** The slot in the id of an entry. */
const slotOf = (id: string | undefined): string | undefined => /-([AB])\.conf$/.exec(id ?? '')?.[1];

testBootLoader(test, 'systemd-boot', async (t) => {
  const { root, entries } = await partition(t);
  return {
    open: () => systemdBootLoader({ root, slots }),
    boot: async () => slotOf(await systemdBoot(entries)),
  };
});

test('an update is told by the names of the entries alone, which keep their content', async (t) => {
  const { entries, loader } = await partition(t);
  await loader.activate('B', 3);
  t.deepEqual((await readdir(entries)).sort(), ['silt-2-A.conf', 'silt-3-B+3.conf']);
  t.is(await systemdBoot(entries), 'silt-3-B.conf');
  t.deepEqual((await readdir(entries)).sort(), ['silt-2-A.conf', 'silt-3-B+2-1.conf']);
  await loader.markGood('B');
  t.deepEqual((await readdir(entries)).sort(), ['silt-2-A.conf', 'silt-4-B.conf']);
  await loader.markBad('A');
  t.deepEqual((await readdir(entries)).sort(), ['silt-2-A+0.conf', 'silt-4-B.conf']);
  t.is(await readFile(join(entries, 'silt-4-B.conf'), 'utf8'), contentOf('B'));
  t.is(await readFile(join(entries, 'silt-2-A+0.conf'), 'utf8'), contentOf('A'));
});

test('what systemd-bless-boot renames is good', async (t) => {
  const { entries, loader } = await partition(t);
  await loader.activate('B', 3);
  await systemdBoot(entries);
  await rename(join(entries, 'silt-3-B+2-1.conf'), join(entries, 'silt-3-B.conf'));
  t.deepEqual((await loader.read()).order[0], { name: 'B', triesLeft: undefined, bootable: true });
  await loader.markGood('B');
  t.deepEqual((await readdir(entries)).sort(), ['silt-2-A.conf', 'silt-3-B.conf']);
});

test('numbers count as numbers', async (t) => {
  const { loader } = await partition(t, { 'silt-9-A.conf': '', 'silt-10-B+1.conf': '' });
  t.is((await loader.read()).primary, 'B');
});

test('entries of others, and names that FAT has changed, are no hindrance', async (t) => {
  const { entries, loader } = await partition(t, {
    'SILT-2-a.CONF': contentOf('A'),
    'silt-1-B+0-3.conf': contentOf('B'),
    'rescue.conf': 'title Rescue\n',
    'silt-7-C.conf': '',
    'silt-x-A.conf': '',
    'silt-1-A.conf.bak': '',
    '.silt-0123456789abcdef.tmp': '',
  });
  t.is((await loader.read()).primary, 'A');
  await loader.activate('B', 2);
  t.true((await readdir(entries)).includes('silt-3-B+2.conf'));
  t.true((await readdir(entries)).includes('rescue.conf'));
});

test('another prefix can be chosen', async (t) => {
  const { root } = await partition(t, { 'acme-1-A.conf': '', 'acme-0-B+0.conf': '', 'silt-9-B.conf': '' });
  t.is((await systemdBootLoader({ root, slots, prefix: 'acme' }).read()).primary, 'A');
});

test('a slot without an entry is not started, and cannot be activated', async (t) => {
  const { loader } = await partition(t, { 'silt-1-A.conf': '' });
  t.deepEqual((await loader.read()).order[1], { name: 'B', triesLeft: 0, bootable: false });
  const error = await throwsSilt(t, () => loader.activate('B', 1), 'BOOT_STATE_INVALID');
  t.regex(error.message, /silt-0-B\+0\.conf/);
});

test('a partition that is not mounted, or has no entries, is told with what to do', async (t) => {
  const { root, entries, loader } = await partition(t, {});
  t.regex((await throwsSilt(t, () => loader.read(), 'BOOT_STATE_INVALID')).message, /silt-1-A\.conf/);
  await rm(join(root, 'loader'), { recursive: true });
  const error = await throwsSilt(t, () => loader.markGood('A'), 'BOOT_STATE_INVALID');
  t.true(error.message.includes(entries));
  t.regex(error.message, /mount the EFI system partition/);
});

test('two slots with one number are refused', async (t) => {
  const { loader } = await partition(t, { 'silt-1-A.conf': '', 'silt-1-B+3.conf': '' });
  t.regex((await throwsSilt(t, () => loader.read(), 'BOOT_STATE_INVALID')).message, /rename one of them/);
});

test('entries that systemd-boot would order by something else are refused', async (t) => {
  const orders: readonly (readonly [string, string])[] = [
    ['sort-key a\n', 'sort-key b\n'],
    ['sort-key a\n', ''],
    ['sort-key a\nversion 1\n', 'sort-key\ta\nversion 2\n'],
    ['sort-key a\nmachine-id 1\n', 'sort-key a\n'],
  ];
  for (const [a, b] of orders) {
    const { loader } = await partition(t, { 'silt-2-A.conf': a, 'silt-1-B.conf': b });
    const error = await throwsSilt(t, () => loader.activate('B', 1), 'BOOT_STATE_INVALID');
    t.regex(error.message, /make them equal/);
  }
  for (const [a, b] of [
    ['version 1\n', 'version 2\n'],
    ['sort-key a\r\nversion 1\r\n', '  sort-key   a\nversion 1\n'],
    ['#sort-key a\n', '# sort-key b\n'],
  ] as const) {
    const { loader } = await partition(t, { 'silt-2-A.conf': a, 'silt-1-B.conf': b });
    await t.notThrowsAsync(loader.activate('B', 1));
  }
});

test('a default in loader.conf that prevents falling back is refused', async (t) => {
  const { root, loader } = await partition(t);
  const path = join(root, 'loader', 'loader.conf');
  for (const value of ['silt-2-A.conf', '@saved', 'silt-*-A*', '']) {
    await writeFile(path, `timeout 3\ndefault ${value}\n`);
    const error = await throwsSilt(t, () => loader.read(), 'BOOT_STATE_INVALID');
    t.regex(error.message, /never falls back; remove the line/);
  }
  for (const content of [
    'timeout 3\n',
    '#default x\n',
    'default *\n',
    'default silt-*\n',
    'default\tsilt-*.conf\r\n',
  ]) {
    await writeFile(path, content);
    t.is((await loader.read()).primary, 'A');
  }
});

test('numbers that are used up are told with what to do', async (t) => {
  const { entries, loader } = await partition(t, { 'silt-999999999-A.conf': '', 'silt-1-B+0.conf': '' });
  const before = (await readdir(entries)).sort();
  const error = await throwsSilt(t, () => loader.activate('B', 1), 'BOOT_STATE_INVALID');
  t.regex(error.message, /begin from 1 again/);
  t.deepEqual((await readdir(entries)).sort(), before);
});

test('an entry that is too large is refused', async (t) => {
  const { loader } = await partition(t, { 'silt-1-A.conf': 'x'.repeat(100_000) });
  await t.throwsAsync(loader.read(), { code: 'BOOT_STATE_INVALID' });
});

/** Names and contents of a directory. */
type Snapshot = ReadonlyMap<string, Buffer>;

function snapshot(directory: string): Snapshot {
  return new Map(readdirSync(directory).map((name) => [name, readFileSync(join(directory, name))]));
}

const steps: readonly (readonly [string, (loader: BootLoader) => Promise<void>, string, string])[] = [
  ['activate B', (loader) => loader.activate('B', 3), 'A', 'B'],
  ['mark B good', (loader) => loader.markGood('B'), 'B', 'B'],
  ['mark A bad', (loader) => loader.markBad('A'), 'B', 'B'],
  ['activate A', (loader) => loader.activate('A', 1), 'B', 'A'],
  ['mark A bad again', (loader) => loader.markBad('A'), 'A', 'B'],
  ['activate A again', (loader) => loader.activate('A', 2), 'B', 'A'],
];

// Serial: the observer hears of every write in this thread.
test.serial(
  'cut after any operation, the old or the new slot starts, and the next call ends the change',
  async (t) => {
    const { root, entries, loader } = await partition(t);
    let states = 0;
    for (const [name, step, before, after] of steps) {
      const cuts: Snapshot[] = [snapshot(entries)];
      observeDisk(({ kind }) => {
        if (kind !== 'sync' && kind !== 'sync-directory') cuts.push(snapshot(entries));
      });
      await step(loader).finally(() => observeDisk(undefined));
      t.true(cuts.length > 3, name);
      const done = await loader.read();
      for (const [index, files] of cuts.entries()) {
        const cut = await partition(
          t,
          Object.fromEntries([...files].map(([file, bytes]) => [file, String(bytes)])),
        );
        const where = `${name}, cut ${index}`;
        const primary = (await cut.loader.read()).primary;
        t.true(primary === before || primary === after, where);
        t.is(slotOf(await systemdBoot(cut.entries)), primary, where);
        await step(cut.loader);
        const found = await cut.loader.read();
        t.deepEqual(found, done, where);
        const left = (await readdir(cut.entries)).filter((file) => file.endsWith('.conf'));
        t.is(left.length, 2, where);
        for (const file of left) {
          const slot = slotOf(file.replace(/\+.*(?=\.conf)/, '')) ?? '';
          t.is(await readFile(join(cut.entries, file), 'utf8'), contentOf(slot), where);
        }
        states++;
      }
    }
    t.is((await systemdBootLoader({ root, slots }).read()).primary, 'A');
    t.true(states >= 24);
  },
);
