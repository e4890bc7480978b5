/**
 * Out of the rescue system again, where a release cannot be fetched and nobody knows when that will be: the system in
 * its slot is started again, if it is whole still. Its digest on the medium says that, not the journal.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import { isSiltError } from '../../core/errors.ts';
import { digestOnMedium } from '../../io/medium-digest.ts';
import { isRescueSlot, startedComponents } from './choose-slots.ts';
import type { Update, UpdatePart } from './device-state.ts';
import type { UpdateRun } from './update-run.ts';

/**
 * The way back to the system in the slot that the update was to write. One that was given up is not gone back to: the
 * device would restart there and back without an end.
 *
 * @returns `undefined` where no rescue system runs, or nothing whole is there to go back to
 */
export async function wayOutOfRescue(run: UpdateRun): Promise<Update | undefined> {
  const { device, state, update } = run;
  const { boot, failure } = update;
  const { installed } = state;
  const components = startedComponents(device.components);
  if (boot?.from === undefined || !isRescueSlot(components, boot.from)) return undefined;
  if (failure?.phase !== 'fetch' || installed === undefined) return undefined;
  if (state.blocked.some(({ counter }) => counter === installed.counter)) return undefined;
  if ((installed.slot ?? boot.target) !== boot.target) return undefined;
  if ((await device.booted()).slot !== boot.from) return undefined;
  const parts: UpdatePart[] = [];
  for (const component of components) {
    const known = installed.components[component.name];
    const target = component.slots?.find((slot) => slot.boot === boot.target)?.device;
    if (known === undefined || target === undefined || !(await holds(run, target, known))) return undefined;
    const { size, sha256 } = known;
    parts.push({ component: component.name, image: component.image, size, sha256, same: true });
  }
  const { version, counter } = installed;
  return {
    id: randomUUID(),
    kind: 'return',
    release: { version, counter },
    phase: 'activate',
    startedAt: device.now().getTime(),
    parts,
    boot,
    reboots: 0,
    steps: 0,
    // In the rescue system the device does not do its work: no window is waited for.
    committing: true,
  };
}

async function holds(
  { signal }: UpdateRun,
  path: string,
  { size, sha256 }: { readonly size: number; readonly sha256: string },
): Promise<boolean> {
  try {
    const found = await digestOnMedium(path, size, { signal });
    return found.size >= size && found.sha256 === sha256;
  } catch (error) {
    // What cannot be read cannot be started.
    if (!isSiltError(error, 'IO_FAILED')) throw error;
    return false;
  }
}
