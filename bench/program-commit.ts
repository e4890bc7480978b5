/**
 * Which state of the program a result is of.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * The last commit that changed the program, with a mark when something in it has changed since; nothing outside
 * git. What is written about silt elsewhere makes no figure old.
 */
export function programCommit(): string | undefined {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', root, ...args, '--', 'src', 'wasm', 'package-lock.json'], {
      encoding: 'utf8',
    });
  try {
    const changed = git('status', '--porcelain') !== '';
    return `${git('log', '-1', '--format=%h', '--abbrev=10').trim()}${changed ? '+' : ''}`;
  } catch {
    return undefined;
  }
}
