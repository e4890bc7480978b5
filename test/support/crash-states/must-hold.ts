/**
 * What recovery demands of a crash state.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** @throws Error that says what does not hold */
export function mustHold(holds: boolean, message: string): void {
  if (!holds) throw new Error(message);
}

/** Demands that exactly these names, folders among them, are below `directory`. */
export function mustHoldNames(directory: string, expected: readonly string[]): void {
  const found = namesBelow(directory).sort();
  const same = found.join('\n') === [...expected].sort().join('\n');
  mustHold(same, `expected the names ${[...expected].sort().join(', ')}, found ${found.join(', ')}`);
}

/** The bytes of a file; `undefined` when there is none. */
export function bytesAt(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Links are named and not followed. */
function namesBelow(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory()
      ? [entry.name, ...namesBelow(join(directory, entry.name)).map((name) => `${entry.name}/${name}`)]
      : [entry.name],
  );
}
