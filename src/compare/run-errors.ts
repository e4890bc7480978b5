/**
 * How a program that a benchmark runs can fail: by its own account, or by taking too long.
 *
 * @module
 */

/** A program that could not be started, or ended with a status that is not accepted. */
export class RunFailed extends Error {
  readonly command: string;
  /** 128 and the number of the signal for a program that was killed; `undefined` for one that never ran. */
  readonly status: number | undefined;

  constructor(command: string, message: string, options: { status?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'RunFailed';
    this.command = command;
    this.status = options.status;
  }
}

/** A program that was killed since it took longer than it was given. */
export class RunTimeout extends Error {
  readonly command: string;
  readonly timeoutSeconds: number;

  constructor(command: string, timeoutSeconds: number) {
    super(`${command} was stopped: it had not ended after ${timeoutSeconds} seconds`);
    this.name = 'RunTimeout';
    this.command = command;
    this.timeoutSeconds = timeoutSeconds;
  }
}
