/**
 * The hooks of a configuration as an update calls them: programs of the integrator, with a time limit, told by their
 * environment what it is about. What they print goes to the log, as much of it as is good for a log.
 *
 * @module
 */

import { printable, runCommand } from '../../io/run-command.ts';
import type { HooksConfig } from '../config/device-config.ts';
import type { Log } from '../log.ts';
import type { HookFacts, HookName, Hooks } from '../update/device.ts';
import { type HookDevice, hookEnvironment } from './hook-environment.ts';

/** `defer` exits with this to ask for a later time: EX_TEMPFAIL of sysexits.h. */
const EXIT_LATER = 75;
/** Longest line in the log, in characters. */
const MAX_LINE = 500;
/** Most lines of one call in the log. */
const MAX_LOG_LINES = 100;

export interface HookSettings extends HookDevice {
  readonly log: Log;
  /** Milliseconds from SIGTERM to SIGKILL for a hook whose time is over. */
  readonly graceMs?: number | undefined;
}

/** Hooks that run what `config` says; one that it does not have succeeds without a word. */
export function makeHooks(config: HooksConfig, settings: HookSettings): Hooks {
  const call = async (
    hook: HookName | 'reboot',
    facts: HookFacts,
    signal: AbortSignal | undefined,
  ): Promise<number> => {
    const configured = config[hook];
    if (configured === undefined) return 0;
    const lines = linesToLog(hook, settings.log);
    try {
      const { status } = await runCommand(configured.command, {
        what: `the hook ${hook}`,
        code: 'HOOK_FAILED',
        limitMs: configured.timeout * 1000,
        env: hookEnvironment(hook, facts, settings, configured.environment),
        statuses: hook === 'defer' ? [0, EXIT_LATER] : [0],
        graceMs: settings.graceMs,
        signal,
        onOutputLine: lines.tell,
        // A line on stderr is a complaint too.
        onLine: (line) => {
          lines.tell(line);
          return false;
        },
      });
      return status;
    } finally {
      lines.end();
    }
  };
  return {
    async run(hook, facts, signal) {
      return (await call(hook, facts, signal)) === EXIT_LATER ? 'later' : 'done';
    },
    async reboot(facts, signal) {
      await call('reboot', facts, signal);
    },
  };
}

function linesToLog(hook: string, log: Log): { tell(line: string): void; end(): void } {
  let count = 0;
  return {
    tell(line) {
      count += 1;
      if (count > MAX_LOG_LINES) return;
      log({ level: 'info', topic: 'hook', message: printable(line, MAX_LINE), data: { hook } });
    },
    end() {
      const more = count - MAX_LOG_LINES;
      if (more <= 0) return;
      const message = `the hook ${hook} printed ${more} more ${more === 1 ? 'line' : 'lines'}, which are left out`;
      log({ level: 'warning', topic: 'hook', message, data: { hook } });
    },
  };
}
