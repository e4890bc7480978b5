/**
 * One run of an update: the state as it was last written, and the one way to the next one. An event is kept
 * before the state that it tells of, so that whatever is known to have happened is told.
 *
 * @module
 */
import { SiltError } from '../../core/errors.ts';
import type { TrustedRelease } from '../../trust/releases.ts';
import type { LogEntry } from '../log.ts';
import type { DeviceEvent, EventKind } from '../report/event.ts';
import type { Component, Device, HookFacts } from './device.ts';
import type { DeviceState, Phase, Update, UpdatePart } from './device-state.ts';
import { Sources } from './sources.ts';
import type { RunOptions } from './update-result.ts';

/** A part that is to be installed, with its component. */
export interface PartToInstall {
  readonly part: UpdatePart;
  readonly component: Component;
}

export class UpdateRun {
  readonly device: Device;
  readonly options: RunOptions;
  /** Over the network, so far. */
  readonly usage = { bytes: 0, requests: 0 };
  /** Components whose image was read back in this run. */
  readonly verified = new Set<string>();
  /** Closed by who has made the run. */
  readonly sources: Sources;
  /** What the update under way installs, where this run has asked for it. */
  release: TrustedRelease | undefined;
  /** Whether the phase at hand may have been begun by a run before this one. */
  isAgain = false;
  readonly #passedBy = new Set<string>();
  #state: DeviceState;
  #notKept: unknown;

  constructor(device: Device, options: RunOptions, state: DeviceState) {
    this.device = device;
    this.options = options;
    this.#state = state;
    this.sources = new Sources({
      locations: device.config.repositories,
      open: device.openSource,
      onFailure: (location, error) => this.sayPassedBy(location, error),
    });
  }

  get state(): DeviceState {
    return this.#state;
  }

  /** The update under way. */
  get update(): Update {
    const { update } = this.#state;
    if (update === undefined) throw new SiltError('INTERNAL', 'there is no update under way');
    return update;
  }

  get signal(): AbortSignal | undefined {
    return this.options.signal;
  }

  /** Keeps `changes`. */
  async write(changes: Partial<DeviceState>): Promise<void> {
    this.#state = await this.#kept(() => this.device.journal.write({ ...this.#state, ...changes }));
  }

  /** Keeps `changes` of the update under way. */
  async change(changes: Partial<Update>): Promise<void> {
    await this.write({ update: { ...this.update, ...changes } });
  }

  /** Goes on to `phase`, in the same run. */
  async advance(phase: Phase, changes: Partial<Update> = {}): Promise<undefined> {
    const { release, steps } = this.update;
    this.isAgain = false;
    await this.change({ ...changes, phase, steps: steps + 1 });
    this.say({ level: 'info', topic: phase, message: `${release.version}: ${phase}` });
    return undefined;
  }

  /** Tells the fleet, once, however often it is called for the same thing. */
  async tell(kind: EventKind, more: Partial<DeviceEvent> = {}): Promise<void> {
    const { id, release } = this.update;
    const { done, total } = more;
    const percent = done === undefined || total === undefined ? '' : `.${Math.floor((100 * done) / total)}`;
    const event: DeviceEvent = {
      id: `${id}.${kind}${percent}`,
      kind,
      time: this.device.now().toISOString(),
      update: id,
      product: this.device.config.product,
      version: release.version,
      counter: release.counter,
      ...more,
    };
    await this.#kept(() => this.device.outbox.add(event));
  }

  /** Whether `error` is that the journal or the outbox could not be written: no reason to leave a good system. */
  isNotKept(error: unknown): boolean {
    return error !== undefined && error === this.#notKept;
  }

  async #kept<T>(keep: () => Promise<T>): Promise<T> {
    try {
      return await keep();
    } catch (error) {
      this.#notKept = error;
      throw error;
    }
  }

  say(entry: LogEntry): void {
    this.device.log({ ...entry, data: { update: this.#state.update?.id, ...entry.data } });
  }

  /** Says that the next repository is asked: once for each, and each reason, however many objects it is about. */
  sayPassedBy(location: string, { code, message }: SiltError): void {
    const what = `${code} ${location}`;
    if (this.#passedBy.has(what)) return;
    this.#passedBy.add(what);
    const told = `${message}; the next repository is asked`;
    this.say({ level: 'warning', topic: 'repository', message: told, data: { location, code } });
  }

  /** What a hook hears of the update under way. */
  hookFacts(): HookFacts {
    const { id, phase, release, boot, failure } = this.update;
    const { version, counter } = release;
    return {
      phase,
      update: id,
      version,
      counter,
      target: boot?.target,
      code: failure?.code,
      message: failure?.message,
    };
  }

  /** Parts that change, in declared order. */
  parts(): PartToInstall[] {
    return this.update.parts
      .filter(({ same }) => same !== true)
      .map((part) => ({ part, component: this.componentOf(part) }));
  }

  /** @throws SiltError CONFIG_INVALID when the configuration has changed in the middle of the update */
  componentOf(part: UpdatePart): Component {
    const component = this.device.components.find(({ name }) => name === part.component);
    if (component !== undefined) return component;
    throw new SiltError(
      'CONFIG_INVALID',
      `the update under way installs ${part.component}, which the configuration no longer has; put it back until the update is done`,
    );
  }
}
