/**
 * Runs `debian.sh`, once for all the pairs that are wanted of it, so that they are made of the same trees.
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { CannotMake } from './cannot-make.ts';

/** With this status the script says that the machine is not fit for it. */
const UNAVAILABLE = 69;

/**
 * Makes the files of the pairs `names` that are not in `directory`. Progress goes to the standard output.
 *
 * @throws CannotMake without root or a tool; Error when the script fails
 */
export async function makeDebianPairs(
  names: readonly string[],
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  const script = fileURLToPath(new URL('debian.sh', import.meta.url));
  const child = spawn('bash', [script, directory, ...names], { stdio: ['ignore', 'inherit', 'pipe'] });
  // SIGTERM, and then its own time to unmount and tidy up.
  const stop = (): void => void child.kill();
  signal.addEventListener('abort', stop);
  try {
    const ended = once(child, 'close').catch((error: Error) => {
      throw new CannotMake(`it needs bash: ${error.message}`);
    });
    const [complaints, [status]] = await Promise.all([text(child.stderr), ended]);
    signal.throwIfAborted();
    if (status === UNAVAILABLE) throw new CannotMake(complaints.trim());
    if (status !== 0) throw new Error(`debian.sh ended with ${status}: ${complaints.trim()}`);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
