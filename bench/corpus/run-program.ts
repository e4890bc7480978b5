/**
 * Programs that make a corpus: what they print is the result, what they complain of is the error.
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

export interface RunContext {
  readonly cwd: string;
  /** Ends the program, and with it the run. */
  readonly signal: AbortSignal;
}

/**
 * What the program writes to its standard output, as it comes.
 *
 * @throws Error unless it ends with 0, after the last byte
 */
export async function* readProgram(
  command: string,
  args: readonly string[],
  { cwd, signal }: RunContext,
): AsyncGenerator<Uint8Array> {
  const child = spawn(command, args, { cwd, signal, stdio: ['ignore', 'pipe', 'pipe'] });
  let failure: Error | undefined;
  child.once('error', (error) => {
    failure = error;
  });
  const ended = new Promise<number | string | null>((resolve) => {
    child.once('close', (status, killedBy) => resolve(status ?? killedBy));
  });
  const complaints = text(child.stderr);
  try {
    yield* child.stdout;
    const status = await ended;
    signal.throwIfAborted();
    if (failure !== undefined) {
      throw new Error(`cannot run ${command}: ${failure.message}`, { cause: failure });
    }
    if (status !== 0) {
      const last = (await complaints).trim().split('\n').slice(-5).join('\n');
      throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${last}`);
    }
  } finally {
    // Someone who reads no further wants no more of it.
    child.kill();
    await ended;
  }
}

/** All that the program writes to its standard output. @throws Error unless it ends with 0 */
export async function runProgram(
  command: string,
  args: readonly string[],
  context: RunContext,
): Promise<string> {
  return await text(readProgram(command, args, context));
}
