/**
 * The agent: runs the update of a device again and again, when it is time to, and delivers reports. A round that
 * fails is told and tried again later, whatever has failed; only a stop ends the agent, and a configuration that is
 * wrong from the start.
 *
 * Times are waited for by the clock that nobody sets, so that one which is put right after the start, by years
 * perhaps, neither delays a check nor repeats it.
 *
 * @module
 */
import { backoffDelay } from '../core/backoff.ts';
import { isSiltError, isTransient } from '../core/errors.ts';
import { sleep as realSleep, type Sleep } from '../core/sleep.ts';
import type { LogEntry } from './log.ts';
import { deliverNow, type RoundOptions, runRound, sayUndelivered } from './run-round.ts';
import { pause, type WakeUp } from './schedule/pause.ts';
import { type Random, untilFirstCheck, untilNextCheck } from './schedule/polling.ts';
import type { Device } from './update/device.ts';
import type { UpdateResult } from './update/update-result.ts';

const MINUTE = 60_000;
/** How long a restart that was asked for may take to end the agent; then it is asked for again. */
const RESTART_WITHIN_MS = 10 * MINUTE;
/** Least time between two rounds that nobody called for. */
const LEAST_PAUSE_MS = 10_000;
/** By so much devices that wait for the same time are spread, at most. */
const SPREAD_MS = MINUTE;
/** A time of day is compared with the clock so often, since that may be set meanwhile. */
const LOOK_MS = MINUTE;
/** Longest stack in the log, in characters. */
const MAX_STACK = 2000;

export interface AgentOptions extends RoundOptions {
  readonly wake: WakeUp;
  readonly random: Random;
  /** Milliseconds, by a clock that nobody sets. */
  readonly uptime: () => number;
}

/** When something is due: at the earlier one of the two. */
interface Due {
  /** As {@link AgentOptions.uptime} tells the time. */
  readonly at: number;
  readonly notBefore?: Date | undefined;
  /** Also when somebody calls. */
  readonly onCall: boolean;
}

/**
 * Runs until it is stopped.
 *
 * @throws SiltError CONFIG_INVALID when the first round shows that the configuration cannot work
 */
export async function runAgent(device: Device, options: AgentOptions): Promise<void> {
  const agent = new Agent(device, options);
  await agent.run();
}

class Agent {
  readonly #device: Device;
  readonly #options: AgentOptions;
  readonly #sleep: Sleep;
  /** Rounds in a row that threw. */
  #failures = 0;
  #rounds = 0;
  #reportsDue: Date | undefined;

  constructor(device: Device, options: AgentOptions) {
    this.#device = device;
    this.#options = {
      ...options,
      deliver: options.deliver && ((signal) => this.#noteReports(options.deliver?.(signal))),
    };
    this.#sleep = options.sleep ?? realSleep;
  }

  async run(): Promise<void> {
    const { stop, random } = this.#options;
    const { polling } = this.#device.config;
    const first = (await this.#isUnderWay()) ? 0 : untilFirstCheck(polling, random);
    let due: Due = this.#in(first);
    for (;;) {
      await this.#waitFor(due);
      if (stop.aborted) return;
      due = await this.#round();
    }
  }

  async #round(): Promise<Due> {
    const { wake, stop } = this.#options;
    this.#rounds += 1;
    wake.heed();
    try {
      const result = await runRound(this.#device, this.#options);
      this.#failures = 0;
      return this.#after(result);
    } catch (error) {
      if (stop.aborted) return this.#in(0);
      if (this.#rounds === 1 && isSiltError(error, 'CONFIG_INVALID')) throw error;
      return await this.#afterFailure(error);
    }
  }

  #after({ outcome, notBefore, reason, release, failure }: UpdateResult): Due {
    const { random } = this.#options;
    const { polling } = this.#device.config;
    const data = { outcome, version: release?.version, code: failure?.code };
    if (outcome === 'rebooting') {
      this.#say({ level: 'info', message: 'waits to be ended by the restart', data });
      return { ...this.#in(RESTART_WITHIN_MS), onCall: false };
    }
    const due = this.#in(untilNextCheck(polling, random), this.#spread(notBefore));
    const why = reason ?? failure?.message;
    const until = this.#timeOf(due);
    const message = `${WORDS[outcome]}${why === undefined ? '' : `: ${why}`}; the next round is at ${until}`;
    this.#say({
      level: outcome === 'failed' || outcome === 'rolledBack' ? 'warning' : 'info',
      message,
      data: { ...data, until },
    });
    return due;
  }

  async #afterFailure(error: unknown): Promise<Due> {
    const { random } = this.#options;
    const { polling } = this.#device.config;
    this.#failures += 1;
    const baseMs = Math.min(MINUTE, polling.interval * 1000);
    const wait = backoffDelay(this.#failures, { baseMs, capMs: polling.interval * 1000, random });
    const retry = await this.#retryOfJournal();
    const due =
      retry === undefined ? this.#in(wait) : this.#in(untilNextCheck(polling, random), this.#spread(retry));
    const until = this.#timeOf(due);
    const code = isSiltError(error) ? error.code : 'INTERNAL';
    const message = `${error instanceof Error ? error.message : String(error)}; the next try is at ${until}`;
    // An operator at work is no failure, and a network that is down is none of this device.
    const mild = isTransient(error) ? 'warning' : 'error';
    this.#say({
      level: code === 'LOCKED' ? 'info' : mild,
      message,
      data: { code, until, failures: this.#failures, stack: stackOf(error) },
    });
    return due;
  }

  /** Waits, and delivers reports that become due meanwhile. */
  async #waitFor(due: Due): Promise<void> {
    const { stop, wake } = this.#options;
    const least = this.#rounds === 0 ? 0 : this.#options.uptime() + LEAST_PAUSE_MS;
    for (;;) {
      const rest = Math.max(this.#rest(due), least - this.#options.uptime());
      if (stop.aborted || rest <= 0 || (due.onCall && wake.signal.aborted)) return;
      if (this.#reportsDue !== undefined && this.#reportsDue <= this.#device.now()) await this.#report();
      await pause(Math.min(rest, LOOK_MS), due.onCall ? [stop, wake.signal] : [stop], this.#sleep);
    }
  }

  async #report(): Promise<void> {
    this.#reportsDue = undefined;
    try {
      await this.#options.exclusively(() => deliverNow(this.#device, this.#options));
    } catch (error) {
      if (this.#options.stop.aborted) return;
      this.#reportsDue = new Date(this.#device.now().getTime() + LOOK_MS);
      if (!isSiltError(error, 'LOCKED')) sayUndelivered(this.#device, error);
    }
  }

  async #noteReports(
    delivery: Promise<{ readonly notBefore: Date | undefined }> | undefined,
  ): Promise<{ readonly notBefore: Date | undefined }> {
    const notBefore = (await delivery)?.notBefore;
    this.#reportsDue = notBefore;
    return { notBefore };
  }

  /** After a restart a new system waits to be asked whether it is healthy. What cannot be read, the round tells. */
  async #isUnderWay(): Promise<boolean> {
    try {
      return (await this.#device.journal.read()).update !== undefined;
    } catch {
      return true;
    }
  }

  /** When the journal says that it is to be tried again, where that is later than now. */
  async #retryOfJournal(): Promise<Date | undefined> {
    try {
      const { retry } = await this.#device.journal.read();
      const isLater = retry !== undefined && retry.notBefore > this.#device.now().getTime();
      return isLater ? new Date(retry.notBefore) : undefined;
    } catch {
      return undefined;
    }
  }

  /** A little later than `time`, for which other devices may wait as well. */
  #spread(time: Date | undefined): Date | undefined {
    if (time === undefined) return undefined;
    const most = Math.min(SPREAD_MS, this.#device.config.polling.jitter * 1000);
    return new Date(time.getTime() + Math.floor(this.#options.random() * most));
  }

  #in(wait: number, notBefore?: Date): Due {
    return { at: this.#options.uptime() + wait, notBefore, onCall: true };
  }

  #rest({ at, notBefore }: Due): number {
    const rest = at - this.#options.uptime();
    return notBefore === undefined
      ? rest
      : Math.min(rest, notBefore.getTime() - this.#device.now().getTime());
  }

  #timeOf(due: Due): string {
    const wait = Math.max(this.#rest(due), LEAST_PAUSE_MS);
    return new Date(this.#device.now().getTime() + wait).toISOString();
  }

  #say(entry: Omit<LogEntry, 'topic'>): void {
    this.#device.log({ topic: 'schedule', ...entry });
  }
}

/** Where a bug is; of what is expected to happen the message says all. */
function stackOf(error: unknown): string | undefined {
  return isSiltError(error) || !(error instanceof Error) ? undefined : error.stack?.slice(0, MAX_STACK);
}

const WORDS: Readonly<Record<UpdateResult['outcome'], string>> = {
  upToDate: 'up to date',
  updated: 'updated',
  rebooting: 'restarts',
  waiting: 'waits',
  failed: 'failed',
  rolledBack: 'rolled back',
};
