/**
 * A directory for one test, removed with all it holds when the test ends.
 *
 * @module
 */
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';

/** Makes the directory; its path is absolute and free of links. */
export async function temporaryDirectory(t: ExecutionContext<unknown>): Promise<string> {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'silt-test-')));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
}
