/**
 * What a run of the update has come to: its exit status, in lines for people, and on the way.
 *
 * @module
 */
import { type ErrorCode, SiltError } from '../core/errors.ts';
import { formatSize } from '../core/sizes.ts';
import type { Log } from '../device/log.ts';
import { UNWANTED } from '../device/update/update-failure.ts';
import type { StepProgress, UpdateResult } from '../device/update/update-result.ts';
import { printable } from '../io/run-command.ts';
import { formatTime } from './describe-device.ts';
import { EXIT_DONE, EXIT_FAILED, EXIT_NOTHING_TO_DO, exitStatus } from './exit.ts';
import type { Output } from './output.ts';

export interface UpdateExitOptions {
  /** Tell "up to date" apart from "updated". */
  readonly detailed?: boolean | undefined;
}

/** The exit status of a run. */
export function exitOfUpdate(result: UpdateResult, { detailed = false }: UpdateExitOptions = {}): number {
  switch (result.outcome) {
    case 'updated':
    case 'rebooting':
      return EXIT_DONE;
    case 'upToDate':
      return detailed ? EXIT_NOTHING_TO_DO : EXIT_DONE;
    case 'waiting':
      return exitStatus.NOT_ELIGIBLE;
    case 'failed':
      return exitOfCode(result.failure?.code);
    case 'rolledBack':
      return result.failure === undefined ? EXIT_DONE : exitOfCode(result.failure.code);
  }
}

function exitOfCode(code: string | undefined): number {
  // An operator has asked for it.
  if (code === UNWANTED) return EXIT_DONE;
  return code !== undefined && Object.hasOwn(exitStatus, code) ? exitStatus[code as ErrorCode] : EXIT_FAILED;
}

/** The failure of a run as an error, for whom it is one; `undefined` where nothing failed. */
export function errorOfUpdate({ outcome, failure, release }: UpdateResult): SiltError | undefined {
  if ((outcome !== 'failed' && outcome !== 'rolledBack') || failure === undefined) return undefined;
  if (failure.code === UNWANTED) return undefined;
  const { code, message, phase, component } = failure;
  const known = Object.hasOwn(exitStatus, code) ? (code as ErrorCode) : 'INTERNAL';
  const back = outcome === 'rolledBack' ? ' (what was there before is in use again)' : '';
  return new SiltError(known, `${message}${back}`, {
    details: { outcome, phase, component, version: release?.version, counter: release?.counter },
  });
}

/** Lines about a run. */
export function describeUpdate(result: UpdateResult, product: string): string[] {
  const { outcome, release, failure, reason, notBefore, bytesFetched, requests } = result;
  const name = release === undefined ? product : `${product} ${release.version} (counter ${release.counter})`;
  const fetched = bytesFetched > 0 ? `; fetched ${formatSize(bytesFetched)} in ${requests} requests` : '';
  const when = notBefore === undefined ? '' : `; not before ${formatTime(notBefore.getTime())}`;
  switch (outcome) {
    case 'upToDate':
      return [`${name} is up to date${reason === undefined ? '' : `: ${reason}`}`];
    case 'updated':
      return [`${name} is installed and healthy${fetched}`];
    case 'rebooting':
      return [`${name}: the device restarts; the update goes on after that${fetched}`];
    case 'waiting':
      return [`${name} waits${reason === undefined ? '' : `: ${reason}`}${when}`];
    case 'failed':
      return [`${name} has failed: ${failure?.message ?? reason ?? 'no reason was given'}${when}`];
    case 'rolledBack':
      return [
        `${name} was rolled back${failure === undefined ? '' : `: ${failure.message}`}; what was there before is in use again`,
      ];
  }
}

/**
 * Tells what a run of a command has come to.
 *
 * @returns its exit status
 * @throws SiltError the failure of the update, as an error of the command
 */
export function finishUpdate(
  result: UpdateResult,
  output: Output,
  { product, detailed }: UpdateExitOptions & { readonly product: string },
): number {
  const error = errorOfUpdate(result);
  if (error !== undefined) throw error;
  output.result(result, () => describeUpdate(result, product));
  return exitOfUpdate(result, { detailed });
}

/** What the device side says, for who runs a command; an error ends that, and is told then. */
export function logTo(output: Output): Log {
  return ({ level, message }) => {
    if (level === 'warning') output.warn(`warning: ${printable(message, 1000)}`);
    else output.note(printable(message, 1000));
  };
}

/** Shows how far a step is. */
export function progressTo(output: Output): (progress: StepProgress) => void {
  return ({ phase, component, done, total }) =>
    output.progress.show({ label: `${phase} ${component}`, done, total });
}
