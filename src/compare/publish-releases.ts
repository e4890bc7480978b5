/**
 * Publishes the releases of a subject with one tool, each measured by itself.
 *
 * @module
 */
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openAccount } from './measured-run.ts';
import type { Peer } from './peer.ts';
import type { PublishCell } from './result.ts';
import type { Subject } from './subject.ts';

/** Where what a tool publishes lies: what is served, and what only the build side keeps. */
export interface Workplace {
  readonly site: string;
  readonly work: string;
}

/** The folders of one tool under `directory`. */
export function workplaceIn(directory: string): Workplace {
  return { site: join(directory, 'site'), work: join(directory, 'build') };
}

/**
 * Publishes all releases in turn, the oldest first, into empty folders.
 *
 * @throws Error when the tool fails or `signal` aborts
 */
export async function publishReleases(
  peer: Peer,
  { info, files }: Subject,
  { site, work }: Workplace,
  options: { readonly env: Readonly<Record<string, string | undefined>>; readonly signal: AbortSignal },
): Promise<PublishCell[]> {
  for (const directory of [site, work]) {
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory, { recursive: true });
  }
  const cells: PublishCell[] = [];
  for (const [index, image] of files.entries()) {
    const account = openAccount(options);
    const began = performance.now();
    await peer.publish({
      ...{ site, work, image },
      release: index + 1,
      previous: files[index - 1],
      run: account.run,
    });
    const wallSeconds = (performance.now() - began) / 1000;
    const about = { pair: info.name, tool: peer.name, release: index + 1 };
    cells.push({ ...about, ...account.usage(), wallSeconds, ...(await measureTree(site)) });
  }
  return cells;
}

/** Bytes and number of the files below `directory`. */
async function measureTree(directory: string): Promise<{ storedBytes: number; objects: number }> {
  let storedBytes = 0;
  let objects = 0;
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    storedBytes += (await stat(join(entry.parentPath, entry.name))).size;
    objects += 1;
  }
  return { storedBytes, objects };
}
