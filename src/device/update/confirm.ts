/**
 * The end of an update that works: the boot loader keeps it, the Floor rises, and what rolling back would have
 * needed is let go. From here on nothing leads back.
 *
 * @module
 */
import { isRescueSlot, startedComponents } from './choose-slots.ts';
import { type DeviceState, FACTORY } from './device-state.ts';
import { finishParts } from './install-parts.ts';
import type { UpdateResult } from './update-result.ts';
import type { UpdateRun } from './update-run.ts';

/** @throws SiltError BOOT_FAILED, FLOOR_DAMAGED, INSTALL_FAILED, IO_FAILED; to be tried again until it is done */
export async function confirm(run: UpdateRun): Promise<Pick<UpdateResult, 'outcome'>> {
  const { device, update } = run;
  const { boot, release, kind } = update;
  // First of all, since a restart would count down.
  if (boot !== undefined) await device.bootLoader?.markGood(boot.target);
  if (kind === 'update') await device.floor.raise(device.config.product, release.counter);
  await finishParts(run);
  const at = device.now().getTime();
  const { version, counter } = release;
  const { blocked, damaged } = run.state;
  await run.write({
    update: undefined,
    retry: retryAfterConfirm(run),
    installed: await installedAfter(run, at),
    previous: previousAfter(run),
    blocked: blocked.filter((each) => each.counter !== counter),
    damaged: damaged?.filter((name) => !update.parts.some(({ component }) => component === name)),
    lastUpdate: {
      id: update.id,
      version,
      counter,
      outcome: 'installed',
      at,
      ...(boot && { target: boot.target }),
    },
  });
  run.say({ level: 'info', topic: 'confirm', message: `${version} works and is kept` });
  return { outcome: 'updated' };
}

/** A way back was none of the release that failed before it, which is to be tried again when it was to be. */
function retryAfterConfirm({ state, update }: UpdateRun): DeviceState['retry'] {
  return update.kind === 'return' && state.retry?.counter !== update.release.counter
    ? state.retry
    : undefined;
}

async function installedAfter(run: UpdateRun, at: number): Promise<DeviceState['installed']> {
  const { installed } = run.state;
  const { boot, parts, release, kind } = run.update;
  const { version, counter } = release;
  const components = Object.fromEntries(
    parts.map(({ component, size, sha256 }) => [component, { version, size, sha256 }] as const),
  );
  // What lies in a slot that was gone back to is known no more exactly than its release.
  const forgotten = kind === 'return' ? startedComponents(run.device.components) : [];
  const kept = Object.entries(installed?.components ?? {}).filter(
    ([name]) => !forgotten.some((component) => component.name === name),
  );
  // What a device came with may have turned out to be this release.
  const started = startedComponents(run.device.components);
  const isKnown = started.length > 0 && started.every(({ name }) => components[name] !== undefined);
  const running = isKnown && boot === undefined ? (await run.device.booted()).slot : undefined;
  const slot = boot?.target ?? running ?? installed?.slot;
  return {
    version,
    counter,
    at,
    ...(slot !== undefined && { slot }),
    components: { ...Object.fromEntries(kept), ...components },
  };
}

/** What the other slot holds now; nothing that can be started where the rescue system was the other one. */
function previousAfter({ device, state, update }: UpdateRun): DeviceState['previous'] {
  const { installed, previous } = state;
  const { boot } = update;
  if (boot === undefined) return previous;
  const { from: slot } = boot;
  const isOther = slot !== undefined && (installed?.slot ?? slot) === slot;
  if (!isOther || isRescueSlot(device.components, slot)) return undefined;
  const { version, counter } = installed ?? FACTORY;
  return { version, counter, slot };
}
