/**
 * A boot loader behind a program with the verbs of RAUC's custom boot loader back end, of which the last may be
 * missing:
 *
 * - `get-primary` prints the slot that would be started next, or nothing when none would
 * - `set-primary SLOT` starts it next, with full tries, and the others after it
 * - `get-state SLOT` prints `good` when the slot may be started, else `bad`
 * - `set-state SLOT good|bad` ends the counting after a healthy start, or the use of the slot
 * - `get-current` prints the slot that runs; nothing, or any exit status but 0, means that the program cannot tell,
 *   and then the kernel is asked. A program that does not start, is killed or takes too long has failed.
 *
 * Each is to be one atomic change that lasts through a power cut. The number of tries is the program's to know;
 * `set-primary` hears of the one that was asked for as `SILT_TRIES` in its environment.
 *
 * @module
 */
import { SiltError } from '../../core/errors.ts';
import { KiB } from '../../core/sizes.ts';
import { type CommandOptions, printable, runCommand } from '../../io/run-command.ts';
import type { BootLoader, BootSlot } from './boot-loader.ts';
import { bootState, checkSlotNames, requireSlot, requireTries } from './boot-slots.ts';

/** Who does not know a verb ends with one of these. */
const ANY_STATUS: readonly number[] = Array.from({ length: 256 }, (_, status) => status);
/** Far more than the name of a slot. */
const MAX_OUTPUT = 4 * KiB;
const DEFAULT_LIMIT_MS = 30_000;

export interface CommandBootOptions {
  /** The program and its first arguments; the verb follows. No shell reads them. */
  readonly command: readonly string[];
  readonly slots: readonly BootSlot[];
  /** Longest that one call may take, in milliseconds. Default half a minute. */
  readonly limitMs?: number | undefined;
  /** Milliseconds from SIGTERM to SIGKILL, when it has taken longer. */
  readonly graceMs?: number | undefined;
  /** Working directory; default `/`. */
  readonly cwd?: string | undefined;
  /** Its environment, but for PATH, which has a default. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** @throws SiltError CONFIG_INVALID for an empty command or names that cannot be slots */
export function commandBootLoader(options: CommandBootOptions): BootLoader {
  const { command, slots, limitMs = DEFAULT_LIMIT_MS } = options;
  checkSlotNames(slots);
  if (!command[0]) {
    throw new SiltError(
      'CONFIG_INVALID',
      'expected a program as the boot loader command, found none; name one',
    );
  }

  async function call(
    args: readonly string[],
    more: Pick<CommandOptions, 'statuses'> & Pick<CommandBootOptions, 'env'> = {},
  ) {
    const { status, stdout } = await runCommand([...command, ...args], {
      limitMs,
      graceMs: options.graceMs,
      code: 'BOOT_FAILED',
      what: 'the boot loader command',
      cwd: options.cwd,
      env: { ...options.env, ...more.env },
      maxOutput: MAX_OUTPUT,
      statuses: more.statuses,
    });
    return { status, answer: stdout.toString('utf8').trim() };
  }

  const run = async (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> =>
    (await call(args, { env })).answer;

  /** The slot in front, which may be bad all the same: what scripts say of their order alone. */
  async function primary(): Promise<BootSlot | undefined> {
    const found = await run(['get-primary']);
    if (found === '') return undefined;
    if (slots.includes(found)) return found;
    throw unexpected('get-primary', `one of the slots ${slots.join(', ')}`, found);
  }

  async function isGood(slot: BootSlot): Promise<boolean> {
    const found = await run(['get-state', slot]);
    if (found === 'good' || found === 'bad') return found === 'good';
    throw unexpected(`get-state ${slot}`, 'good or bad', found);
  }

  async function makePrimary(slot: BootSlot, env: Readonly<Record<string, string>> = {}): Promise<void> {
    await run(['set-primary', slot], env);
    const found = await primary();
    if (found === slot) return;
    throw new SiltError(
      'BOOT_FAILED',
      `expected get-primary to print ${slot} after set-primary ${slot}, found ${found ?? 'nothing'}; check the boot loader command`,
      { details: { slot } },
    );
  }

  return {
    async read() {
      const first = await primary();
      const names = first === undefined ? slots : [first, ...slots.filter((slot) => slot !== first)];
      const states = [];
      for (const name of names) states.push({ name, triesLeft: undefined, bootable: await isGood(name) });
      return bootState(states);
    },
    async activate(slot, tries) {
      requireTries(tries);
      requireSlot(slots, slot);
      await makePrimary(slot, { SILT_TRIES: String(tries) });
    },
    async markGood(slot) {
      requireSlot(slots, slot);
      // In this order: a cut between the two leaves the slot counted, which is safe.
      if ((await primary()) !== slot) await makePrimary(slot);
      await run(['set-state', slot, 'good']);
    },
    async markBad(slot) {
      requireSlot(slots, slot);
      await run(['set-state', slot, 'bad']);
    },
    async booted() {
      const { status, answer } = await call(['get-current'], { statuses: ANY_STATUS });
      if (status !== 0 || answer === '') return undefined;
      if (slots.includes(answer)) return answer;
      throw unexpected('get-current', `one of the slots ${slots.join(', ')}`, answer);
    },
  };
}

function unexpected(verb: string, expected: string, found: string): SiltError {
  return new SiltError(
    'BOOT_STATE_INVALID',
    `expected the boot loader command to print ${expected} for ${verb}, found ${JSON.stringify(printable(found, 80))}; correct the command`,
    { details: { verb } },
  );
}
