/**
 * A repository behind nginx: origin, a front that counts and commits faults between the two, the proxy that
 * caches, and devices that fetch through it.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { KiB, MiB } from '../../src/core/sizes.ts';
import type { FetchReport } from '../../src/fetcher/fetch-report.ts';
import { startStaticServer } from '../../src/server/static-server.ts';
import { openHttpStore } from '../../src/store/http.ts';
import type { HttpStoreOptions } from '../../src/store/http-options.ts';
import type { RequestReport } from '../../src/store/request-report.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { PATIENT } from './faulty-repository.ts';
import type { Nginx, NginxOptions } from './nginx.ts';
import { startNginx } from './nginx-test.ts';
import { AT_ONCE, type FetchRequest, fetchRelease, publishReleases } from './release-repository.ts';
import { seededBytes } from './seeded-bytes.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** Two releases: a third of the second is new. */
export const imageOne = seededBytes('cdn one', 3 * MiB);
export const imageTwo = Buffer.concat([imageOne.subarray(0, 2 * MiB), seededBytes('cdn two', MiB)]);

/** Publishes them below `directory`; gives the repository. */
export async function publishCdn(directory: string): Promise<string> {
  return await publishReleases(directory, { '1.0.0': imageOne, '2.0.0': imageTwo }, 16 * KiB);
}

export interface CdnDevice {
  readonly report: FetchReport;
  readonly image: Buffer;
  /** As the device saw them. */
  readonly requests: readonly RequestReport[];
  /** The waits before repetitions, in milliseconds. */
  readonly waits: readonly number[];
}

export interface Cdn {
  readonly origin: FaultProxy;
  readonly nginx: Nginx;
  /** A new device, with nothing but seeds. */
  fetch(options?: Partial<FetchRequest>, http?: HttpStoreOptions): Promise<CdnDevice>;
  /** Requests that came to the origin since the last call, as `path range`. */
  atOrigin(): string[];
}

/** What makes the object that changes live long enough for a test. */
export const LONG_LIVED = [['proxy_cache_valid 200 10s', 'proxy_cache_valid 200 1h']] as const;

/** The repository in a directory behind nginx, or at `origin`, with `path` before its keys. */
export async function startCdn(
  t: ExecutionContext<unknown>,
  repository: string,
  options: Partial<NginxOptions> & { readonly path?: string } = {},
): Promise<Cdn> {
  const directory = await temporaryDirectory(t);
  const { path = '', origin: given, replace = LONG_LIVED, tls } = options;
  const server = given === undefined ? await startStaticServer(repository, { graceMs: 0 }) : undefined;
  const origin = await startFaultProxy(given ?? (server?.url as string));
  const nginx = await startNginx(t, { origin: origin.url, replace, ...(tls && { tls }) });
  t.teardown(async () => {
    await origin.close();
    await server?.close();
  });
  let devices = 0;
  let seen = 0;
  return {
    origin,
    nginx,
    async fetch(request = {}, http = PATIENT) {
      const requests: RequestReport[] = [];
      const waits: number[] = [];
      const store = openHttpStore(nginx.url + path, {
        ...http,
        ...(tls && { tls: { ca: tls.certificate } }),
        onRequest: (report) => requests.push(report),
      });
      devices += 1;
      const output = join(directory, `device-${devices}.img`);
      const retry = { ...AT_ONCE, sleep: async (ms: number) => void waits.push(ms) };
      try {
        const report = await fetchRelease(store, { output, retry, ...request });
        return { report, image: await readFile(output), requests, waits };
      } finally {
        await store.close();
      }
    },
    atOrigin() {
      const fresh = origin.log.slice(seen).map(({ path, range }) => `${path} ${range ?? 'whole'}`);
      seen = origin.log.length;
      return fresh;
    },
  };
}
