/**
 * Ctrl-C and SIGTERM: the first asks the command to stop, the second stops it at once.
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';
import { exitStatus } from './exit.ts';

export interface Interrupt extends Disposable {
  /** Aborts with an INTERRUPTED error as its reason. */
  readonly signal: AbortSignal;
}

/**
 * Listens for the signals until disposed.
 *
 * @param message what the user is told, with what becomes of the work that was done
 */
export function listenForInterrupt(message: string): Interrupt {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(exitStatus.INTERRUPTED);
    controller.abort(new SiltError('INTERRUPTED', message));
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      process.off('SIGINT', stop).off('SIGTERM', stop);
    },
  };
}
