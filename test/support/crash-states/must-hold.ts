/**
 * What recovery demands of a crash state.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';

/** @throws Error that says what does not hold */
export function mustHold(holds: boolean, message: string): void {
  if (!holds) throw new Error(message);
}

/** Demands that exactly these names, folders among them, are below `directory`. */
export function mustHoldNames(directory: string, expected: readonly string[]): void {
  const found = readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();
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
