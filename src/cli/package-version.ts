/**
 * The version of this package.
 *
 * @module
 */
import { readFileSync } from 'node:fs';

/** As `package.json` has it. */
export function packageVersion(): string {
  // As far from src/cli as from dist/cli.
  const url = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(url, 'utf8')) as { version: string }).version;
}
