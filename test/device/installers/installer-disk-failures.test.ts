/** A full disk and a read-only one, met by each step of each installer. Serial: mounts and small disks. */
import { execFileSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { KiB } from '../../../src/core/sizes.ts';
import type { InstallImage } from '../../../src/device/installers/installer.ts';
import { type InstallerKind, installerKinds } from '../../support/crash-states/installer-kinds.ts';
import { fetchNew, newImage, update } from '../../support/crash-states/installer-scenarios.ts';
import { makeReadOnly, makeWritable, smallDisk } from '../../support/small-disk.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

const steps = ['prepare', 'install', 'commit', 'rollback', 'finish'] as const;
type Step = (typeof steps)[number];

/**
 * Steps that need room for something, and those that write at all; the others are done all the same. The finish of
 * an archive lets go of the old one before it writes.
 */
const needs: Readonly<Record<string, { readonly room: readonly Step[]; readonly writing: readonly Step[] }>> =
  {
    slot: { room: [], writing: [] },
    file: { room: [], writing: ['install', 'commit', 'rollback', 'finish'] },
    'file without links': { room: ['commit'], writing: ['install', 'commit', 'rollback', 'finish'] },
    directory: { room: ['install'], writing: ['install', 'commit', 'rollback', 'finish'] },
    container: { room: ['commit', 'rollback'], writing: ['commit', 'rollback', 'finish'] },
    package: { room: ['commit', 'rollback'], writing: ['commit', 'rollback', 'finish'] },
  };

async function run(kind: InstallerKind, root: string, step: Step): Promise<unknown> {
  const image: InstallImage = newImage(kind, root);
  const installer = kind.open(root);
  if (step === 'prepare') return await installer.prepare(image.version);
  if (step === 'install' || step === 'commit') return await installer[step](image);
  return await installer[step]();
}

/** A device with the old version, and the update as far as before `step`. */
async function upTo(kind: InstallerKind, root: string, step: Step): Promise<void> {
  await kind.deliver(root);
  if (kind.switches) await update(kind, root, 'old', 'finish');
  if (step === 'prepare') return;
  await fetchNew(kind, root);
  if (step === 'install') return;
  await run(kind, root, 'install');
  if (step !== 'commit') await run(kind, root, 'commit');
}

const faults = {
  'a full disk': {
    code: 'NO_SPACE',
    fails: (name: string, step: Step) => needs[name]?.room.includes(step) === true,
    cause(disk: string) {
      const filler = ['if=/dev/zero', `of=${join(disk, 'filler')}`, 'bs=512', 'count=9999'];
      try {
        execFileSync('dd', filler, { stdio: 'pipe' });
      } catch {
        // It is full.
      }
    },
    mend: (disk: string) => rm(join(disk, 'filler')),
  },
  'a read-only disk': {
    code: 'IO_FAILED',
    fails: (name: string, step: Step) => needs[name]?.writing.includes(step) === true,
    cause: makeReadOnly,
    mend: async (disk: string) => makeWritable(disk),
  },
} as const;

for (const kind of installerKinds.filter(({ name }) => name in needs)) {
  for (const [what, { code, fails, cause, mend }] of Object.entries(faults)) {
    for (const step of steps) {
      const isFailing = fails(kind.name, step);
      test.serial(`${kind.name}: ${what} ${isFailing ? 'fails' : 'does not disturb'} ${step}`, async (t) => {
        const disk = await smallDisk(t, 256 * KiB);
        if (disk === undefined) return;
        await upTo(kind, disk, step);
        const before = kind.inUse(disk);
        cause(disk);
        if (isFailing) {
          const error = await throwsSilt(t, () => run(kind, disk, step), code);
          t.regex(error.message, code === 'NO_SPACE' ? /full; free some space/ : /read-only/);
          t.is(kind.inUse(disk), before);
        } else {
          await run(kind, disk, step);
        }
        await mend(disk);
        await run(kind, disk, step);
        if (step === 'rollback') t.is(kind.inUse(disk), 'old');
        await update(kind, disk, 'new', 'finish');
        t.is(kind.inUse(disk), kind.switches ? 'new' : 'old');
      });
    }
  }
}
