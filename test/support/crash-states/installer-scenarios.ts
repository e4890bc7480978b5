/**
 * Installers: whatever a cut leaves, what is in use is the old version or the new one, complete; going on from
 * the step that was noted last, or from the one before, ends in the new one, and rolling back in the old one; and
 * when all is done nothing is left that no step needs.
 *
 * @module
 */
import { join } from 'node:path';
import { sha256Hex } from '../../../src/core/digest.ts';
import type { Installer, InstallImage } from '../../../src/device/installers/installer.ts';
import { replaceFile } from '../../../src/io/atomic.ts';
import { TargetFile } from '../../../src/io/target-file.ts';
import { sweepTemporaries } from '../../../src/io/temporary-name.ts';
import type { Scenario } from './enumerate.ts';
import { type InstallerKind, installerKinds, type Version } from './installer-kinds.ts';
import { bytesAt, mustHold, mustHoldNames } from './must-hold.ts';

const STEPS = ['fetch', 'install', 'commit', 'end'] as const;
const [FETCH, COMMIT, END] = [1, 3, 4];

/** What is noted before the step of that number begins, and when it has ended. */
const begun = (step: number): number => 2 * step;
const ended = (step: number): number => 2 * step + 1;

/** What the fetcher does: into the target as it is, or a new file that gets its name when it is whole. */
async function fetchInto(installer: Installer, version: Version, bytes: Buffer): Promise<void> {
  const { output, inPlace } = await installer.prepare(version);
  await sweepTemporaries(join(output, '..'));
  if (!inPlace) return await replaceFile(output, bytes);
  const file = TargetFile.open(output, false);
  try {
    for (let at = 0; at < bytes.length; at += 4096) file.write(at, bytes.subarray(at, at + 4096));
    file.resize(bytes.length);
    file.sync();
  } finally {
    file.close();
  }
}

function imageOf(kind: InstallerKind, root: string, version: Version): InstallImage {
  const bytes = kind.images[version];
  return { version, path: join(root, kind.output), size: bytes.length, sha256: sha256Hex(bytes) };
}

/** The image of an update to the new version, where it has been fetched to. */
export const newImage = (kind: InstallerKind, root: string): InstallImage => imageOf(kind, root, 'new');

export const fetchNew = (kind: InstallerKind, root: string): Promise<void> =>
  fetchInto(kind.open(root), 'new', kind.images.new);

/** Steps `from` (1: fetch) to the end. @param end the last of them */
export async function update(
  kind: InstallerKind,
  root: string,
  version: Version,
  end: 'finish' | 'rollback',
  from = FETCH,
  promise: (value: number) => void = () => {},
): Promise<void> {
  const bytes = kind.images[version];
  const image = imageOf(kind, root, version);
  for (const [index, step] of STEPS.entries()) {
    const number = index + 1;
    if (number < from) continue;
    promise(begun(number));
    // A new one each time, so that nothing is remembered but by what is there.
    const installer = kind.open(root);
    if (step === 'fetch') await fetchInto(installer, version, bytes);
    if (step === 'install') await installer.install(image);
    if (step === 'commit') await installer.commit(image);
    if (step === 'end') await installer[end]();
    promise(ended(number));
  }
}

function scenario(
  kind: InstallerKind,
  before: Version | 'none',
  end: 'finish' | 'rollback',
  what: string,
): Scenario {
  let turn = 0;
  const mustUse = (root: string, versions: readonly (Version | 'none')[], when: string): void => {
    const found = kind.inUse(root);
    mustHold(versions.includes(found), `${when} ${found} is in use, expected ${versions.join(' or ')}`);
  };
  const after = kind.switches ? 'new' : before;
  const possible = (promised: readonly number[]): readonly (Version | 'none')[] => {
    let found: readonly (Version | 'none')[] = [before];
    for (const value of promised) {
      if (value === begun(COMMIT)) found = [...found, after];
      if (value === ended(COMMIT)) found = [after];
      if (value === begun(END) && end === 'rollback') found = [before, after];
      if (value === ended(END) && end === 'rollback') found = [before];
    }
    return found;
  };
  /** The step to go on with: its beginning was noted, or the end of the one before, which may be lost. */
  const next = (promised: readonly number[]): number => {
    const last = promised.at(-1) ?? begun(FETCH);
    const step = last % 2 === 0 ? last / 2 : (last - 1) / 2 + (turn++ % 2);
    return Math.min(step, END);
  };
  return {
    what: `${kind.name}: ${what}`,
    async prepare(root) {
      await kind.deliver(root);
      if (before !== 'none' && kind.switches) await update(kind, root, before, 'finish');
    },
    work: (root, promise) => update(kind, root, 'new', end, FETCH, promise),
    again: (root, promise, promised) => update(kind, root, 'new', end, next(promised), promise),
    async recover(root, promised) {
      mustUse(root, possible(promised), 'after the cut');
      if (end === 'finish') {
        await update(kind, root, 'new', 'finish', next(promised));
      } else {
        await kind.open(root).rollback();
        mustUse(root, [before], 'after the roll-back');
        await update(kind, root, 'new', 'finish');
      }
      mustUse(root, [after], 'at the end');
      if (!kind.switches) {
        mustHold(bytesAt(join(root, 'b'))?.equals(kind.images.new) === true, 'the target is not the image');
      }
      mustHoldNames(root, kind.names(before));
    },
  };
}

/** Four of each kind: an update and a first install, which go on or back. */
export function installerScenarios(kinds: readonly InstallerKind[] = installerKinds): Scenario[] {
  return kinds.flatMap((kind) => [
    scenario(kind, 'old', 'finish', 'update'),
    scenario(kind, 'old', 'rollback', 'update, rolled back'),
    ...(kind.switches
      ? [
          scenario(kind, 'none', 'finish', 'first install'),
          scenario(kind, 'none', 'rollback', 'first install, rolled back'),
        ]
      : []),
  ]);
}
