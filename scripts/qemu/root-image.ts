/**
 * Images of a root file system for QEMU: squashfs with the kernel and its initial RAM disk, busybox, Node.js and
 * silt as it would be installed. Made without root, and the same bytes for the same parts.
 *
 * @module
 */
import { chmod, copyFile, cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { seededBytes } from '../../test/support/seeded-bytes.ts';
import { copyModules, type Kernel } from './kernel.ts';
import { runTool } from './run-tool.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));
const guest = fileURLToPath(new URL('guest/', import.meta.url));

/** Parts of packages that nothing loads. */
const UNUSED = /(\.d\.[cm]?ts|\.map|\.md|\.flow)$|\/(dist-types|node_modules\/\.bin)$/;
/** Of every image another quarter is new to the one before. */
const ASSETS = 4;
const ASSET_BYTES = 1_500_000;

export type Behaviour = 'healthy' | 'unhealthy' | 'panics';

export interface RootImage {
  readonly version: string;
  readonly path: string;
}

/** Makes images of the versions 1 to 9. */
export interface ImageMaker {
  make(version: number, behaviour: Behaviour): Promise<RootImage>;
}

/** @param dist what silt has been built to */
export async function openImageMaker(kernel: Kernel, dist: string, directory: string): Promise<ImageMaker> {
  const tree = join(directory, 'tree');
  await makeTree(kernel, dist, tree, directory);
  return {
    async make(number, behaviour) {
      const version = `${number}.0.0`;
      const path = join(directory, `root-${version}.squashfs`);
      const own = join(directory, `tree-${version}`);
      await mkdir(join(own, 'etc'), { recursive: true });
      await writeFile(join(own, 'etc/version'), `${version}\n`);
      if (behaviour === 'unhealthy') await writeFile(join(own, 'etc/unhealthy'), '');
      if (behaviour === 'panics') await writeFile(join(own, 'etc/never-healthy'), '');
      await mkdir(join(own, 'usr/share/assets'), { recursive: true });
      for (let asset = 0; asset < ASSETS; asset += 1) {
        // As old as the last version that touched it.
        const touched = number - ((number + asset) % ASSETS);
        const bytes = seededBytes(`asset ${asset} of ${touched}`, ASSET_BYTES);
        await writeFile(join(own, `usr/share/assets/${asset}.bin`), bytes);
      }
      await cp(tree, own, { recursive: true, verbatimSymlinks: true });
      const fixed = ['-all-root', '-all-time', '0', '-mkfs-time', '0', '-no-xattrs', '-no-exports'];
      // GRUB reads gzip, not zstd.
      const format = [
        '-comp',
        'gzip',
        '-Xcompression-level',
        '6',
        '-b',
        '131072',
        '-noappend',
        '-no-progress',
      ];
      await runTool('mksquashfs', [own, path, ...format, ...fixed]);
      return { version, path };
    },
  };
}

async function makeTree(kernel: Kernel, dist: string, tree: string, work: string): Promise<void> {
  const directories = ['bin', 'boot/efi', 'data', 'dev', 'etc', 'proc', 'run', 'sbin', 'sys', 'tmp'];
  for (const name of [...directories, 'usr/bin', 'usr/lib/silt', 'usr/libexec', 'usr/share']) {
    await mkdir(join(tree, name), { recursive: true });
  }
  await copyFile('/bin/busybox', join(tree, 'bin/busybox'));
  await symlink('busybox', join(tree, 'bin/sh'));
  await copyFile(kernel.path, join(tree, 'boot/vmlinuz'));
  await makeInitrd(kernel, join(work, 'initrd'), join(tree, 'boot/initrd.img'));
  await copyNode(tree);
  await copySilt(dist, join(tree, 'usr/lib/silt'));
  await copyScript('init.sh', join(tree, 'sbin/init'));
  await copyScript('silt.sh', join(tree, 'usr/bin/silt'));
  for (const name of ['health', 'before-restart', 'restart']) {
    await copyScript(`${name}.sh`, join(tree, 'usr/libexec', name));
  }
}

async function makeInitrd(kernel: Kernel, tree: string, output: string): Promise<void> {
  for (const name of ['bin', 'dev', 'proc', 'slot']) await mkdir(join(tree, name), { recursive: true });
  await copyFile('/bin/busybox', join(tree, 'bin/busybox'));
  await copyModules(kernel, join(tree, 'modules'));
  await copyScript('initrd-init.sh', join(tree, 'init'));
  // Compressed here, since GRUB would be slow to inflate what squashfs compresses.
  const pack =
    'cd "$1" && find . | LC_ALL=C sort | cpio --quiet -o -H newc --reproducible -R 0:0 | gzip -n >"$2"';
  await runTool('sh', ['-c', pack, 'sh', tree, output]);
}

/** This Node.js without its symbols, and the libraries that it is linked with. */
async function copyNode(tree: string): Promise<void> {
  const node = join(tree, 'usr/bin/node');
  await copyFile(process.execPath, node);
  await chmod(node, 0o755);
  await runTool('strip', [node]);
  const linked = (await runTool('ldd', [node])).toString();
  for (const [path] of linked.matchAll(/\/\S+\.so\S*/g)) {
    await mkdir(join(tree, dirname(path)), { recursive: true });
    await copyFile(path, join(tree, path));
  }
}

/** Silt and what it needs at run time, by the lock file; without the compilers that some packages name as peers. */
async function copySilt(dist: string, output: string): Promise<void> {
  const used = { recursive: true, filter: (path: string) => !UNUSED.test(path) };
  await copyFile(join(project, 'package.json'), join(output, 'package.json'));
  await cp(dist, join(output, 'dist'), used);
  const lock = JSON.parse(await readFile(join(project, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean; optional?: boolean; peer?: boolean }>;
  };
  for (const [path, { dev, devOptional, optional, peer }] of Object.entries(lock.packages)) {
    if (path === '' || dev || devOptional || optional || peer) continue;
    // A package inside another one comes with that.
    if (path.lastIndexOf('node_modules/') === 0) await cp(join(project, path), join(output, path), used);
  }
}

async function copyScript(name: string, output: string): Promise<void> {
  await copyFile(join(guest, name), output);
  await chmod(output, 0o755);
}
