import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { getuid } from 'node:process';
import test, { type ExecutionContext } from 'ava';
import { findProgram } from '../../../src/compare/find-program.ts';
import { debInstaller } from '../../../src/device/installers/deb-installer.ts';
import { type OciInstallerSettings, ociInstaller } from '../../../src/device/installers/oci-installer.ts';
import { committed, cutOrders, fetched, inOrder } from '../../support/install-image.ts';
import { makeReadOnly, makeWritable, smallDisk } from '../../support/small-disk.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

const [ONE, TWO] = [Buffer.from('image one'), Buffer.from('image two')];

/** A container engine of sh: loaded images by version, and which of them `current` is. */
async function engine(t: ExecutionContext, settings: Partial<OciInstallerSettings> = {}, at?: string) {
  const store = await temporaryDirectory(t);
  const directory = at ?? join(store, 'kept');
  const script = join(store, 'engine.sh');
  await writeFile(
    script,
    `cd ${store}; echo "$*" >> log; [ ! -e broken ] || { echo "engine is down" >&2; exit 125; }
    case $1 in
    load) cp "$2" "image-$3" ;;
    tag) [ -e "image-$2" ] && echo "$2" > current ;;
    untag) rm current ;;
    esac`,
  );
  const command = (...words: string[]): string[] => ['sh', script, ...words];
  const installer = ociInstaller({
    directory,
    load: command('load', '{path}', '{version}'),
    activate: command('tag', '{version}'),
    remove: command('untag'),
    graceMs: 100,
    ...settings,
  });
  const current = async () => (await readFile(join(store, 'current'), 'utf8').catch(() => 'none')).trim();
  const log = async () => (await readFile(join(store, 'log'), 'utf8')).trim().split('\n');
  return { installer, store, directory, current, log, command };
}

test('an image is loaded beside the one in use, then activated, whatever the cuts', async (t) => {
  for (const order of cutOrders) {
    const { installer, directory, current } = await engine(t);
    await committed(installer, '1', ONE);
    await installer.finish();
    await inOrder(installer, order, '2', TWO);
    t.is(await current(), '2', order.join());
    for (let again = 0; again < 2; again++) {
      await installer.rollback();
      t.is(await current(), '1');
    }
    t.deepEqual((await readdir(directory)).sort(), ['current.json', 'current.tar']);
    t.deepEqual(await installer.status(), { present: true, version: '1' });
  }
});

test('the finish keeps the image for the next time, and nothing is taken back after it', async (t) => {
  const { installer, directory, current, log } = await engine(t);
  t.deepEqual(await installer.prepare('1'), {
    output: join(directory, 'next.tar'),
    inPlace: false,
    seeds: [],
  });
  t.deepEqual(await installer.status(), { present: false });
  await committed(installer, '1', ONE);
  for (const step of ['finish', 'finish', 'rollback'] as const) {
    await installer[step]();
    t.is(await current(), '1');
    t.deepEqual(await installer.status(), { present: true, version: '1' });
  }
  t.deepEqual((await installer.prepare('2')).seeds, [join(directory, 'current.tar')]);
  t.deepEqual(await readFile(join(directory, 'current.tar')), ONE);
  t.deepEqual(await log(), [`load ${directory}/next.tar 1`, 'tag 1']);
});

test('nothing runs for a roll-back before the commit', async (t) => {
  const { installer, current, log } = await engine(t);
  await installer.rollback();
  await committed(installer, '1', ONE);
  await installer.finish();
  await installer.install(await fetched(installer, '2', TWO));
  t.is(await current(), '1');
  const before = (await log()).length;
  await installer.rollback();
  t.is((await log()).length, before);
});

test('a first image is taken out of use again', async (t) => {
  const { installer, current } = await engine(t);
  await committed(installer, '1', ONE);
  t.is(await current(), '1');
  await installer.rollback();
  t.is(await current(), 'none');
  await installer.rollback();
});

test('a commit that fails is rolled back when the engine is well again', async (t) => {
  const { installer, store, current } = await engine(t);
  await committed(installer, '1', ONE);
  await installer.finish();
  const image = await fetched(installer, '2', TWO);
  await installer.install(image);
  await writeFile(join(store, 'broken'), '');
  const error = await throwsSilt(t, () => installer.commit(image), 'INSTALL_FAILED');
  t.regex(error.message, /container command .* status 125: engine is down$/);
  await throwsSilt(t, () => installer.rollback(), 'INSTALL_FAILED');
  execFileSync('rm', [join(store, 'broken')]);
  await installer.rollback();
  t.is(await current(), '1');
});

test('a command that hangs ends at its limit', async (t) => {
  const { installer } = await engine(t, { load: ['sh', '-c', 'while :; do sleep 1000; done'], limitMs: 200 });
  const image = await fetched(installer, '1', ONE);
  t.regex(
    (await throwsSilt(t, () => installer.install(image), 'INSTALL_FAILED')).message,
    /longer than 0.2 s/,
  );
});

test('an altered image reaches no command', async (t) => {
  const { installer, store } = await engine(t);
  const image = await fetched(installer, '1', ONE);
  await writeFile(image.path, 'image on3');
  await throwsSilt(t, () => installer.install(image), 'INSTALL_FAILED');
  t.false((await readdir(store)).includes('log'));
  await installer.rollback();
  await throwsSilt(t, () => installer.commit(image), 'INSTALL_FAILED');
});

test('a command with unknown places is refused at once', async (t) => {
  const { engine: broken } = { engine: (load: string[]) => engine(t, { load }) };
  await throwsSilt(t, () => broken(['podman', 'load', '{file}']), 'CONFIG_INVALID');
  await throwsSilt(t, () => broken([]), 'CONFIG_INVALID');
});

test('a place is filled within its argument', async (t) => {
  const { installer, log, command } = await engine(t, {}, join(await temporaryDirectory(t), 'a b;echo'));
  t.is(command().length, 2);
  await installer.install(await fetched(installer, '1', ONE));
  t.regex((await log())[0] ?? '', /^load .*\/a b;echo\/next\.tar 1$/);
});

test('a read-only directory fails the commit before anything is put in use', async (t) => {
  const disk = await smallDisk(t, 64 * 1024);
  if (disk === undefined) return;
  const { installer, current } = await engine(t, {}, disk);
  const image = await fetched(installer, '1', ONE);
  await installer.install(image);
  makeReadOnly(disk);
  await throwsSilt(t, () => installer.commit(image), 'IO_FAILED');
  t.is(await current(), 'none');
  makeWritable(disk);
  await installer.commit(image);
  t.is(await current(), '1');
});

test('a damaged record is told, and not guessed at', async (t) => {
  const { installer, directory } = await engine(t);
  await mkdir(directory);
  await writeFile(join(directory, 'current.json'), '{"version": "../x"}');
  t.regex((await throwsSilt(t, () => installer.status(), 'INSTALL_FAILED')).message, /current\.json/);
});

const lacksDpkg = findProgram('dpkg-deb', process.env) === undefined || getuid?.() !== 0;
const dpkgTest = lacksDpkg && process.env.CI !== 'true' ? test.skip : test;

/** A package of Debian with one file. */
async function packageOf(t: ExecutionContext, version: string): Promise<Buffer> {
  const directory = await temporaryDirectory(t);
  const control = `Package: silt-sample\nVersion: ${version}\nArchitecture: all\nMaintainer: Sample <sample@example.org>\nDescription: sample\n`;
  await mkdir(join(directory, 'tree', 'DEBIAN'), { recursive: true });
  await writeFile(join(directory, 'tree', 'DEBIAN', 'control'), control);
  await writeFile(join(directory, 'tree', 'sample'), version);
  const built = join(directory, 'built.deb');
  execFileSync('dpkg-deb', ['--build', '--root-owner-group', join(directory, 'tree'), built], {
    stdio: 'pipe',
  });
  return await readFile(built);
}

dpkgTest('dpkg installs a package, and the older one again', async (t) => {
  const root = await temporaryDirectory(t);
  await mkdir(join(root, 'var/lib/dpkg/info'), { recursive: true });
  await mkdir(join(root, 'var/lib/dpkg/updates'));
  await writeFile(join(root, 'var/lib/dpkg/status'), '');
  const dpkg = ['dpkg', `--root=${root}`, '--force-script-chrootless'];
  const directory = join(root, 'kept');
  const installer = debInstaller({
    directory,
    install: [...dpkg, '-i', '{path}'],
    remove: [...dpkg, '-r', 'silt-sample'],
  });
  const sample = async () => await readFile(join(root, 'sample'), 'utf8').catch(() => 'none');
  await committed(installer, '1.0', await packageOf(t, '1.0'));
  t.is(await sample(), '1.0');
  await installer.rollback();
  t.is(await sample(), 'none');
  await committed(installer, '1.0', await packageOf(t, '1.0'));
  await installer.finish();
  const image = await committed(installer, '2.0', await packageOf(t, '2.0'));
  await installer.commit(image);
  t.is(await sample(), '2.0');
  await installer.rollback();
  t.is(await sample(), '1.0');
  const bad = await fetched(installer, '3.0', Buffer.from('no package'));
  t.regex((await throwsSilt(t, () => installer.install(bad), 'INSTALL_FAILED')).message, /package command/);
  t.is(await sample(), '1.0');
});
