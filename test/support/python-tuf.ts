/**
 * python-tuf, another TUF client and publisher, which `scripts/provision-trust.sh` installs.
 *
 * @module
 */
import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';

const run = promisify(execFile);
const script = (name: string): string => fileURLToPath(new URL(`python-tuf/${name}`, import.meta.url));

/** Why a test cannot run, for its title. */
export const NO_PYTHON_TUF = 'there is no python-tuf here (sh scripts/provision-trust.sh)';

/** The Python that has python-tuf, or `undefined`. */
export function findPythonTuf(env: NodeJS.ProcessEnv): string | undefined {
  const tools = env.SILT_TOOLS ?? join(homedir(), '.cache', 'silt-tools');
  const python = join(tools, 'python-tuf', 'bin', 'python');
  try {
    accessSync(python, constants.X_OK);
    return python;
  } catch {
    return undefined;
  }
}

/** What make_repository.py can make. */
export type PythonShape = 'plain' | 'mixed' | 'flat' | 'expired' | 'unsigned';

/** Makes a repository in `directory`, with the first root as root.json beside it; it expires in `year`. */
export async function makeWithPython(
  python: string,
  directory: string,
  shape: PythonShape,
  year: number,
): Promise<void> {
  await run(python, ['-B', script('make_repository.py'), directory, shape, String(year)]);
}

export interface PythonJob {
  /** Holds root.json at first. */
  readonly state: string;
  readonly url: string;
  readonly targets: readonly string[];
}

export interface PythonAnswer {
  readonly targets?: Readonly<Record<string, string | null>>;
  readonly refused?: string;
}

/** python-tuf's client as a process that answers one job after another; it ends with the test. */
export class PythonReader {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;

  constructor(t: ExecutionContext<unknown>, python: string) {
    this.#child = spawn(python, ['-B', script('read_repository.py')]);
    this.#child.stderr.resume();
    this.#answers = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
    t.teardown(() => void this.#child.kill());
  }

  async read(job: PythonJob): Promise<PythonAnswer> {
    this.#child.stdin.write(`${JSON.stringify(job)}\n`);
    const { value, done } = await this.#answers.next();
    if (done === true) throw new Error('python-tuf ended without an answer');
    return JSON.parse(value) as PythonAnswer;
  }
}
