/**
 * Debian's kernel as it is installed on this machine, and the modules that the system in QEMU needs of it.
 *
 * @module
 */
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { runTool } from './run-tool.ts';

export interface Kernel {
  readonly release: string;
  readonly path: string;
  readonly modules: string;
}

/** What is built into one kernel is a module of another. `crc32c_generic` is what ext4 asks for by another name. */
const WANTED = [
  'virtio_pci',
  'virtio_blk',
  'virtio_net',
  'crc32c_generic',
  'ext4',
  'vfat',
  'nls_cp437',
  'nls_ascii',
  'squashfs',
  'qemu_fw_cfg',
];

/** The newest kernel that has its modules. @throws Error when there is none */
export async function findKernel(): Promise<Kernel> {
  const names = (await readdir('/boot')).filter((name) => name.startsWith('vmlinuz-'));
  const newestFirst = names.toSorted((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  for (const name of newestFirst) {
    const release = name.slice('vmlinuz-'.length);
    const modules = `/lib/modules/${release}`;
    const found = await readFile(join(modules, 'modules.dep')).catch(() => undefined);
    if (found !== undefined) return { release, path: join('/boot', name), modules };
  }
  throw new Error('expected a kernel in /boot with its modules, found none; run scripts/provision-qemu.sh');
}

/** Copies the modules to `directory`, with a file `order` that names them as they are to be loaded. */
export async function copyModules({ modules }: Kernel, directory: string): Promise<void> {
  const needs = await readNeeds(join(modules, 'modules.dep'));
  const inOrder = new Set<string>();
  for (const name of WANTED) {
    const path = [...needs.keys()].find((key) => moduleName(key) === name);
    // What is missing is built in, or the start fails and tells.
    if (path === undefined) continue;
    for (const needed of [...(needs.get(path) ?? [])].reverse()) inOrder.add(needed);
    inOrder.add(path);
  }
  await mkdir(directory, { recursive: true });
  const names: string[] = [];
  for (const path of inOrder) {
    const name = `${moduleName(path)}.ko`;
    const from = join(modules, path);
    if (path.endsWith('.xz')) await writeFile(join(directory, name), await runTool('xz', ['-dc', from]));
    else await copyFile(from, join(directory, name));
    names.push(`${name}\n`);
  }
  await writeFile(join(directory, 'order'), names.join(''));
}

const moduleName = (path: string): string =>
  basename(path)
    .replace(/\.ko(\.xz)?$/, '')
    .replaceAll('-', '_');

/** Modules and what each needs, the last one to be loaded first; see depmod(8). */
async function readNeeds(path: string): Promise<Map<string, readonly string[]>> {
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line.includes(':'));
  return new Map(
    lines.map((line) => {
      const [module = '', needed = ''] = line.split(':');
      return [
        module,
        needed
          .trim()
          .split(' ')
          .filter((name) => name !== ''),
      ];
    }),
  );
}
