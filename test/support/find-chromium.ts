/**
 * A browser to look at pages with. `scripts/provision-chromium.sh` installs it.
 *
 * @module
 */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** The program: SILT_CHROMIUM, or one of its usual names in the PATH; `undefined` when there is none. */
export function findChromium(env: NodeJS.ProcessEnv): string | undefined {
  if (env.SILT_CHROMIUM !== undefined) return isProgram(env.SILT_CHROMIUM) ? env.SILT_CHROMIUM : undefined;
  const directories = (env.PATH ?? '').split(delimiter).filter((directory) => directory !== '');
  return NAMES.flatMap((name) => directories.map((directory) => join(directory, name))).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
