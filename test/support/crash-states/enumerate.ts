/**
 * Cuts the power everywhere: records a piece of work, works out what a cut after each of its calls may leave,
 * and lets recovery meet every such state.
 *
 * @module
 */
import { seededRandom } from '../seeded-bytes.ts';
import { crashChoices } from './crash-choices.ts';
import { crashState, putState, readState, stateDigest } from './crash-state.ts';
import { type LogEntry, recordDisk } from './disk-log.ts';
import { DiskModel } from './disk-model.ts';

export interface Scenario {
  readonly what: string;
  /** What is on the disk before; durable. */
  prepare(root: string): Promise<void>;
  /** The work that the power cut meets; calls `promise` for what must hold from then on. */
  work(root: string, promise: (value: number) => void): Promise<void>;
  /**
   * What runs again after a kill, where it is not {@link work} itself.
   *
   * @param promised before the kill, in order
   */
  again?(root: string, promise: (value: number) => void, promised: readonly number[]): Promise<void>;
  /**
   * Goes on after the cut. It throws where what must hold does not.
   *
   * @param promised values promised before the cut, in order
   */
  recover(root: string, promised: readonly number[]): Promise<void>;
}

export interface Effort {
  readonly seed: number;
  /** Sampled and torn states after each call, besides corners and subsets. */
  readonly samples: number;
  /** Share of the calls after which the power is cut, 0 to 1. */
  readonly cuts: number;
  /** Share of the calls after which the process is killed, runs again, and the power is cut behind that. */
  readonly kills: number;
  /** Share of the calls of what runs after a kill that are cut as well, besides those with a promise. Default 0. */
  readonly between?: number;
  /** Share of the states in which the work runs again, to be cut a second time after any of its calls. Default 0. */
  readonly twice?: number;
}

export interface Violation {
  /** After which call. */
  readonly cut: string;
  readonly choice: string;
  readonly error: Error;
}

export interface Enumeration {
  readonly what: string;
  readonly operations: number;
  /** Different ones that recovery met. */
  readonly states: number;
  readonly violations: readonly Violation[];
}

/** Enough to see what is wrong. */
const MOST_VIOLATIONS = 100;
/** Of which so many are told. */
const MOST_TOLD = 5;

/** Runs a scenario in the empty directory `root`. */
export async function enumerate(scenario: Scenario, root: string, effort: Effort): Promise<Enumeration> {
  await scenario.prepare(root);
  const before = readState(root);
  const start = crashState(before, { what: 'start', keepsName: () => true, left: () => [] });
  const log = await recordDisk(root, (promise) => scenario.work(root, promise));
  const random = seededRandom(effort.seed);
  const run = new Run(scenario, root, effort);
  const model = new DiskModel(before);
  for (let done = 0; done <= log.length && !run.isEnough; done++) {
    if (done > 0) model.apply(log[done - 1] as LogEntry);
    const where = done === 0 ? 'before anything' : `after call ${done}, ${tell(log[done - 1] as LogEntry)}`;
    if (random() < effort.cuts) await run.cut(model, promisesOf(log.slice(0, done)), where, done);
  }
  for (let done = 1; done <= log.length && !run.isEnough; done++) {
    if (random() >= effort.kills) continue;
    putState(root, start);
    await run.killThenCut(log.slice(0, done), done);
  }
  const operations = log.filter(({ kind }) => kind !== 'promised').length;
  return { what: scenario.what, operations, states: run.seen.size, violations: run.violations };
}

class Run {
  readonly seen = new Set<string>();
  readonly violations: Violation[] = [];
  readonly #digests = new WeakMap<Uint8Array, string>();
  readonly #scenario: Scenario;
  readonly #root: string;
  readonly #effort: Effort;
  readonly #random: () => number;

  constructor(scenario: Scenario, root: string, effort: Effort) {
    this.#scenario = scenario;
    this.#root = root;
    this.#effort = effort;
    this.#random = seededRandom(effort.seed + 1);
  }

  get isEnough(): boolean {
    return this.violations.length >= MOST_VIOLATIONS;
  }

  /** @param isSecond cut in what ran after another cut */
  async cut(
    model: DiskModel,
    promised: readonly number[],
    where: string,
    seed: number,
    isSecond = false,
  ): Promise<void> {
    for (const choice of crashChoices(model.pending, isSecond ? 1 : this.#effort.samples, seed)) {
      const state = crashState(model.root, choice);
      const digest = `${stateDigest(state, this.#digests)} ${promised.at(-1)}`;
      if (this.seen.has(digest)) continue;
      this.seen.add(digest);
      putState(this.#root, state);
      try {
        await this.#scenario.recover(this.#root, promised);
      } catch (error) {
        this.violations.push({ cut: where, choice: choice.what, error: error as Error });
        if (this.isEnough) return;
        continue;
      }
      if (isSecond || this.#random() >= (this.#effort.twice ?? 0)) continue;
      putState(this.#root, state);
      await this.#cutAgain(promised, `${where}; ${choice.what}; then`, seed);
    }
  }

  /** The root holds what a cut has left, and is on the medium by now. */
  async #cutAgain(promised: readonly number[], where: string, seed: number): Promise<void> {
    const model = new DiskModel(readState(this.#root));
    let log: LogEntry[];
    try {
      log = await this.#recordAgain(promised);
    } catch (error) {
      this.violations.push({ cut: `${where} run again`, choice: 'all is kept', error: error as Error });
      return;
    }
    for (const [at, entry] of log.entries()) {
      model.apply(entry);
      const all = [...promised, ...promisesOf(log.slice(0, at + 1))];
      await this.cut(model, all, `${where} call ${at + 1}, ${tell(entry)}`, seed, true);
    }
  }

  async #recordAgain(promised: readonly number[]): Promise<LogEntry[]> {
    const { work, again } = this.#scenario;
    return await recordDisk(this.#root, (promise) =>
      again === undefined ? work(this.#root, promise) : again(this.#root, promise, promised),
    );
  }

  /** The root holds the start. What is in the page cache stays for the second run, but is no more durable for that. */
  async killThenCut(log: readonly LogEntry[], seed: number): Promise<void> {
    const where = `the process killed after call ${log.length}, ${tell(log.at(-1) as LogEntry)}, and run again`;
    const model = new DiskModel(readState(this.#root));
    for (const entry of log) model.apply(entry);
    putState(
      this.#root,
      crashState(model.root, { what: 'a kill', keepsName: () => true, left: (change) => [change] }),
    );
    let again: LogEntry[];
    try {
      again = await this.#recordAgain(promisesOf(log));
    } catch (error) {
      this.violations.push({ cut: where, choice: 'all is kept', error: error as Error });
      return;
    }
    for (const [at, entry] of again.entries()) {
      model.apply(entry);
      // What the second run says is so must be so, also where it found nothing left to do.
      const isSaid = entry.kind === 'promised' || at === again.length - 1;
      const isCut = isSaid || this.#random() < (this.#effort.between ?? 0);
      if (isCut) await this.cut(model, promisesOf([...log, ...again.slice(0, at + 1)]), where, seed);
    }
  }
}

function promisesOf(log: readonly LogEntry[]): number[] {
  return log.flatMap((entry) => (entry.kind === 'promised' ? [entry.value] : []));
}

function tell(entry: LogEntry): string {
  if ('from' in entry) return `${entry.kind} ${entry.from} ${entry.to}`;
  if ('path' in entry) return `${entry.kind} ${entry.path}`;
  if (entry.kind === 'write') return `write of ${entry.bytes.length} at ${entry.at}`;
  return entry.kind;
}

/** The violations, for a person. */
export function tellViolations({ what, violations }: Enumeration): string {
  const lines = violations
    .slice(0, MOST_TOLD)
    .map(({ cut, choice, error }) => `  ${cut}; ${choice}: ${error.message}`);
  return [`${what}: ${violations.length} found`, ...lines].join('\n');
}
