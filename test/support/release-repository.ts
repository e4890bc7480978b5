/**
 * A repository with releases of one image, and fetching from it without waiting.
 *
 * @module
 */
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { chunkerSpec } from '../../src/chunker/chunker.ts';
import { KiB } from '../../src/core/sizes.ts';
import { type FetchOptions, fetchImage } from '../../src/fetcher/fetch.ts';
import type { FetchReport } from '../../src/fetcher/fetch-report.ts';
import { publish } from '../../src/publisher/publish.ts';
import { startStaticServer } from '../../src/server/static-server.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { openHttpStore } from '../../src/store/http.ts';
import type { HttpStoreOptions } from '../../src/store/http-options.ts';
import type { ReadStore } from '../../src/store/store.ts';
import { openLedger, openReleases } from '../../src/trust/unsigned-releases.ts';
import { type FaultProxy, type FaultProxyOptions, startFaultProxy } from './fault-proxy.ts';
import { PATIENT } from './faulty-repository.ts';

export const PRODUCT = 'router';

/** Makes a repository below `directory`, with each image as the release of its name, in order. */
export async function publishReleases(
  directory: string,
  images: Readonly<Record<string, Uint8Array>>,
  averageChunk?: number,
): Promise<string> {
  const repository = join(directory, 'repository');
  for (const [version, image] of Object.entries(images)) {
    const path = join(directory, `${version}.img`);
    await writeFile(path, image);
    await publishFile(repository, version, path, averageChunk);
    await rm(path);
  }
  return repository;
}

/** Publishes the image at `path` into the repository, which is made if there is none; fast rather than small. */
export async function publishFile(
  repository: string,
  version: string,
  path: string,
  averageChunk: number = 2 * KiB,
  workers = 1,
): Promise<void> {
  const store = await openDirectoryStore(repository, { create: true });
  await publish(store, openLedger(store), {
    product: PRODUCT,
    version,
    images: [{ name: 'rootfs', path }],
    chunker: chunkerSpec('fastcdc-1', averageChunk),
    compression: { codec: 'zstd', level: 1 },
    workers,
    created: new Date('2026-01-02T03:04:05.678Z'),
  });
}

/** A directory that lives as long as a test file: for a repository that its tests share and only read. */
export async function sharedDirectory(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'silt-test-')));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Retries at once, and never by chance. */
export const AT_ONCE = { sleep: async () => {}, random: () => 0 };

export type FetchRequest = Partial<FetchOptions> & { readonly output: string };

/** Fetches a release, the latest unless told otherwise. */
export async function fetchRelease(store: ReadStore, options: FetchRequest): Promise<FetchReport> {
  return await fetchImage(store, openReleases, {
    product: PRODUCT,
    selector: { latest: true },
    retry: AT_ONCE,
    ...options,
  });
}

/** {@link fetchRelease} from a repository in a directory. */
export async function fetchFrom(repository: string, options: FetchRequest): Promise<FetchReport> {
  return await fetchRelease(await openDirectoryStore(repository), options);
}

export interface ServedRepository {
  readonly proxy: FaultProxy;
  readonly store: ReadStore;
  fetch(options: FetchRequest): Promise<FetchReport>;
}

/** The repository over HTTP, behind a front that counts and commits faults. */
export async function serveRepository(
  t: ExecutionContext<unknown>,
  repository: string,
  options: FaultProxyOptions = {},
  http: HttpStoreOptions = PATIENT,
): Promise<ServedRepository> {
  const server = await startStaticServer(repository, { graceMs: 0 });
  const proxy = await startFaultProxy(server.url, options);
  const store = openHttpStore(proxy.url, http);
  t.teardown(async () => {
    await store.close();
    await proxy.close();
    await server.close();
  });
  return { proxy, store, fetch: (request) => fetchRelease(store, request) };
}
