/**
 * The question that begins an update: what should this device run, and may it have that?
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import { sha256Hex } from '../../core/digest.ts';
import { retryTransient } from '../../core/retry.ts';
import { checkRelease } from '../../fetcher/check-release.ts';
import { publicLocation } from '../../store/public-location.ts';
import type { ReleaseSelector, TrustedRelease } from '../../trust/releases.ts';
import type { BootSlot } from '../boot/boot-loader.ts';
import { askSources } from './ask-sources.ts';
import { chooseSlots, startedComponents } from './choose-slots.ts';
import type { DeviceState, Update, UpdatePart } from './device-state.ts';
import { factoryContents } from './factory-contents.ts';
import { planParts } from './plan-parts.ts';
import type { UpdateRun } from './update-run.ts';

/** As often as this the journal says that a repository was asked, where it said nothing new. */
const CHECK_NOTED_MS = 3_600_000;

/**
 * The release that this device should run, verified and allowed.
 *
 * @throws SiltError as `Releases.open`; NOT_COMPATIBLE, DOWNGRADE_REFUSED, NOT_ELIGIBLE
 */
export async function findRelease(run: UpdateRun, selector: ReleaseSelector): Promise<TrustedRelease> {
  const { device, signal } = run;
  const { product } = device.config;
  const floor = await device.floor.read(product);
  const release = await askSources(run, async (source, store, attempts) => {
    const releases = source.releases(store);
    const found = await retryTransient(() => releases.open(product, selector, { signal }), {
      attempts,
      signal,
    });
    await noteCheck(run, publicLocation(source.location), found);
    return found;
  });
  await checkRelease(release, {
    ...device.config.device,
    siltVersion: device.siltVersion,
    floor,
    // What came with the device has none.
    installedCounter: run.state.installed?.counter || undefined,
    rollout: device.rollout,
  });
  return release;
}

/** What an update under way follows: the channel, or the version that it was begun with. */
export function selectorOf(run: UpdateRun): ReleaseSelector {
  const { version } = run.options;
  if (version !== undefined) return { version };
  const { update } = run.state;
  if (update?.pinned === true) return { version: update.release.version };
  return { channel: run.device.config.channel };
}

/** Whether `update` installs exactly this release. */
export function isFor(update: Update, { manifest, bytes }: TrustedRelease): boolean {
  const { counter, version, manifest: digest } = update.release;
  return counter === manifest.counter && version === manifest.version && digest === sha256Hex(bytes);
}

/**
 * Begins the update to `release`: what changes, and where it goes.
 *
 * @throws SiltError NOT_COMPATIBLE, BOOT_STATE_INVALID
 */
export async function beginUpdate(run: UpdateRun, release: TrustedRelease): Promise<void> {
  const { device, options, state } = run;
  const { manifest, bytes } = release;
  const { slot } = await device.booted();
  const known = state.installed === undefined ? await factoryContents(run, manifest, slot) : inUse(run, slot);
  const installed = options.again === true ? undefined : known;
  const parts = await stillThere(run, planParts(manifest, device.components, installed));
  const started = startedComponents(device.components).map(({ name }) => name);
  const startsAnother = parts.some(({ component, same }) => same !== true && started.includes(component));
  const { boot, viaRescue } = startsAnother
    ? chooseSlots(device.components, slot, await device.bootLoader?.read())
    : { boot: undefined, viaRescue: false };
  const update: Update = {
    id: randomUUID(),
    kind: 'update',
    release: { version: manifest.version, counter: manifest.counter, manifest: sha256Hex(bytes) },
    phase: viaRescue ? 'enterRescue' : 'fetch',
    startedAt: device.now().getTime(),
    parts,
    reboots: 0,
    steps: 0,
    ...(options.version !== undefined && { pinned: true }),
    ...(boot !== undefined && { boot }),
  };
  // Waiting after an earlier failure is over, also when an operator has cut it short.
  const retry = state.retry && { ...state.retry, notBefore: update.startedAt };
  await run.write({ update, retry });
  run.release = release;
  run.say({
    level: 'info',
    topic: 'check',
    message: `${manifest.version} is to be installed`,
    data: { counter: manifest.counter },
  });
  await run.tell('started');
}

/** Whether the release that was installed last is what runs; where nobody knows the slot, it is believed. */
export function isRunning({ installed }: DeviceState, slot: BootSlot | undefined): boolean {
  return installed?.slot === undefined || slot === undefined || installed.slot === slot;
}

/** What the components are known to hold: nothing of a slot that was left, or that could not be rolled back. */
function inUse({ state, device }: UpdateRun, slot: BootSlot | undefined): DeviceState['installed'] {
  const { installed, damaged = [] } = state;
  if (installed === undefined) return undefined;
  const left = isRunning(state, slot) ? [] : startedComponents(device.components).map(({ name }) => name);
  const unknown = [...damaged, ...left];
  const known = Object.entries(installed.components).filter(([name]) => !unknown.includes(name));
  return { ...installed, components: Object.fromEntries(known) };
}

/** A component that has lost what it held gets it again. */
async function stillThere(run: UpdateRun, parts: readonly UpdatePart[]): Promise<UpdatePart[]> {
  return await Promise.all(
    parts.map(async (part) => {
      if (part.same !== true) return part;
      const component = run.componentOf(part);
      if (component.slots !== undefined) return part;
      const status = await component
        .installer()
        .status({ signal: run.signal })
        .catch(() => ({ present: false }));
      return { ...part, same: status.present };
    }),
  );
}

async function noteCheck(run: UpdateRun, repository: string, { manifest }: TrustedRelease): Promise<void> {
  const { version, counter } = manifest;
  const at = run.device.now().getTime();
  const { lastCheck } = run.state;
  const isNews = lastCheck?.counter !== counter || lastCheck.repository !== repository;
  if (!isNews && Math.abs(at - lastCheck.at) < CHECK_NOTED_MS) return;
  await run.write({ lastCheck: { at, repository, version, counter } });
}
