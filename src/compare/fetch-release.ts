/**
 * Fetches the newest release of a subject with one tool over one line, and measures what it cost.
 *
 * @module
 */
import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startStaticServer } from '../server/static-server.ts';
import { downloadFile } from './download.ts';
import type { Link } from './link.ts';
import { openAccount } from './measured-run.ts';
import type { FetchJob, Peer } from './peer.ts';
import type { FetchCell } from './result.ts';
import { startSite } from './site.ts';
import { digestFile, type Subject } from './subject.ts';

/** A tool that breaks off on a bad line is started again this often; what came so far counts. */
const MAX_ATTEMPTS = 20;

export interface FetchRequest {
  readonly peer: Peer;
  readonly subject: Subject;
  readonly site: string;
  readonly link: Link;
  readonly scenario: FetchCell['scenario'];
  readonly round: number;
  /** An empty directory of this fetch's own. */
  readonly directory: string;
  /** What the device kept from its last update; copied, so that each fetch finds it fresh. */
  readonly kept: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** @throws Error when the tool fails, makes another image than the published one, or `signal` aborts */
export async function fetchRelease(request: FetchRequest): Promise<FetchCell> {
  const { peer, subject, link, scenario, round, directory, kept, env, signal } = request;
  const release = subject.files.length;
  const state = join(directory, 'state');
  const output = join(directory, 'image');
  if (kept === undefined) await mkdir(state, { recursive: true });
  else await cp(kept, state, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  await using site = await startSite(request.site, link, peer.kindOf);
  const account = openAccount({ env, signal });
  const job: FetchJob = {
    ...{ url: site.url, release, state, output, run: account.run },
    seed: scenario === 'update' ? subject.files[release - 2] : undefined,
    download: downloader(site.url, signal),
  };
  const began = performance.now();
  const attempts = await persist(() => peer.fetch(job), link.resetAfterBytes > 0 ? MAX_ATTEMPTS : 1, signal);
  const wallSeconds = (performance.now() - began) / 1000;
  const count = site.count();
  const { sha256 } = await digestFile(output, signal);
  const expected = subject.info.releases[release - 1]?.sha256;
  if (sha256 !== expected) throw new Error(`${peer.name} made another image than the published one`);
  const about = { pair: subject.info.name, tool: peer.name, link: link.name, scenario, round };
  return { ...about, ...account.usage(), wallSeconds, ...count, attempts };
}

function downloader(url: string, signal: AbortSignal): FetchJob['download'] {
  return (path, to) => downloadFile(new URL(path, url).href, to, { signal });
}

/** Gives the number of attempts it took. @throws what the last attempt threw */
async function persist(work: () => Promise<void>, most: number, signal: AbortSignal): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    try {
      await work();
      return attempt;
    } catch (error) {
      if (attempt >= most || signal.aborted) throw error;
    }
  }
}

/** What a device that runs the release before the newest has kept; not measured. */
export async function prepareDevice(
  request: Omit<FetchRequest, 'kept' | 'round' | 'scenario' | 'link'>,
): Promise<string | undefined> {
  const { peer, subject, directory, env, signal } = request;
  if (peer.prepare === undefined) return undefined;
  const release = subject.files.length;
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  // No line: nothing of it counts.
  const server = await startStaticServer(request.site, { graceMs: 0 });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => server.close());
  await peer.prepare({
    ...{ url: server.url, release, state: directory, seed: subject.files[release - 2] },
    run: openAccount({ env, signal }).run,
    download: downloader(server.url, signal),
  });
  return directory;
}
