/**
 * Programs of Debian that make and look into disk images. Some are in /usr/sbin, which an ordinary user's PATH
 * does not have.
 *
 * @module
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const MAX_OUTPUT = 4 * 1024 * 1024;

/** The environment in which those programs are found. */
export const TOOL_ENVIRONMENT: NodeJS.ProcessEnv = {
  ...process.env,
  PATH: `${process.env.PATH ?? '/usr/bin:/bin'}:/usr/sbin:/sbin`,
};

/** Runs a program and gives what it prints. @throws Error with what it said, unless it exits with 0 */
export async function runTool(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Buffer> {
  const run = promisify(execFile)(program, args, {
    encoding: 'buffer',
    maxBuffer: MAX_OUTPUT,
    env: { ...TOOL_ENVIRONMENT, ...environment },
  });
  const { stdout } = await run.catch((error: Error & { stderr?: Buffer }) => {
    throw new Error(`${program} failed: ${error.stderr?.toString().trim() || error.message}`);
  });
  return stdout;
}
