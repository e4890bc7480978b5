/**
 * Where a program lies: what the shell's `command -v` tells.
 *
 * @module
 */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The path of `command`, looked up in the PATH of `env` unless it has a slash; `undefined` when it is nowhere. */
export function findProgram(command: string, env: Environment): string | undefined {
  if (command.includes('/')) return isProgram(command) ? command : undefined;
  const directories = (env.PATH ?? '').split(delimiter).filter((directory) => directory !== '');
  return directories.map((directory) => join(directory, command)).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
