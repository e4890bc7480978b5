/**
 * Where words go: results to stdout, everything else to stderr. Under `--json` stdout gets one document and
 * stderr nothing but one document when the command fails; `--quiet` leaves errors and warnings alone.
 *
 * @module
 */
import { styleText } from 'node:util';
import { isSiltError } from '../core/errors.ts';
import { exitOf } from './exit.ts';
import { createProgressBar, noProgressBar, type ProgressBar } from './progress.ts';

export interface OutputOptions {
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
}

export interface Output {
  /** The result of the command: `document` under `--json`, else the lines. */
  result(document: unknown, lines: () => readonly string[]): void;
  /** Something worth knowing on the way. */
  note(line: string): void;
  /** What must not be missed: `--quiet` does not silence it, and `--json` says it in the document. */
  warn(line: string): void;
  readonly progress: ProgressBar;
}

/** The output of one command. */
export function createOutput({ json = false, quiet = false }: OutputOptions): Output {
  const { stdout, stderr, env } = process;
  const silent = json || quiet;
  const bar = stderr.isTTY && env.TERM !== 'dumb' && !silent;
  const progress = bar ? createProgressBar(stderr) : noProgressBar;
  return {
    progress,
    result(document, lines) {
      progress.erase();
      if (json) stdout.write(`${JSON.stringify(document, undefined, 2)}\n`);
      else if (!quiet)
        stdout.write(
          lines()
            .map((line) => `${line}\n`)
            .join(''),
        );
    },
    note(line) {
      if (silent) return;
      progress.erase();
      stderr.write(`${line}\n`);
    },
    warn(line) {
      if (json) return;
      progress.erase();
      stderr.write(`${line}\n`);
    },
  };
}

/** Tells what went wrong, on stderr. */
export function reportError(error: unknown, { json = false }: OutputOptions): void {
  const { stderr, env } = process;
  const message = error instanceof Error ? error.message : String(error);
  const known = isSiltError(error);
  if (json) {
    const code = known ? error.code : 'INTERNAL';
    const details = known ? error.details : {};
    const document = { error: { code, message, details, exit: exitOf(error) } };
    stderr.write(`${JSON.stringify(document, undefined, 2)}\n`);
  } else {
    // styleText leaves the colour out where NO_COLOR is set or stderr is no terminal.
    stderr.write(`${styleText('red', 'silt:', { stream: stderr })} ${message}\n`);
    if (!known)
      stderr.write('This is a bug in silt. SILT_DEBUG=1 shows where it happened; please report it.\n');
  }
  if (env.SILT_DEBUG === '1') stderr.write(`${stackOf(error)}\n`);
}

/** The stack of an error and of what caused it. */
function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const stack = error.stack ?? error.message;
  return error.cause === undefined ? stack : `${stack}\ncaused by: ${stackOf(error.cause)}`;
}
