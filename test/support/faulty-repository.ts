/**
 * A repository with one pack, served over HTTP behind a front that commits faults.
 *
 * @module
 */
import type { AddressInfo } from 'node:net';
import type { ExecutionContext } from 'ava';
import { MiB } from '../../src/core/sizes.ts';
import { startStaticServer } from '../../src/server/static-server.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import { openHttpStore } from '../../src/store/http.ts';
import type { HttpStoreOptions } from '../../src/store/http-options.ts';
import type { RequestReport } from '../../src/store/request-report.ts';
import type { ReadStore } from '../../src/store/store.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import type { Fault } from './faults.ts';
import { seededBytes } from './seeded-bytes.ts';
import { temporaryDirectory } from './temporary-directory.ts';

export const KEY = 'packs/abc';
export const pack = seededBytes('http pack', MiB);

/** None of these comes true in a test. */
export const PATIENT = { connectTimeoutMs: 60_000, headersTimeoutMs: 60_000, bodyTimeoutMs: 60_000 };

export interface FaultyRepository {
  readonly proxy: FaultProxy;
  readonly store: ReadStore;
  readonly reports: RequestReport[];
}

/** A repository with one pack behind a front that commits `fault` on it, as often as said. */
export async function faultyRepository(
  t: ExecutionContext<unknown>,
  fault: Fault | undefined,
  options: HttpStoreOptions = PATIENT,
): Promise<FaultyRepository> {
  const directory = await temporaryDirectory(t);
  await (await openDirectoryStore(directory)).putIfAbsent(KEY, pack);
  const server = await startStaticServer(directory);
  const rules = fault === undefined ? [] : [{ match: /packs/, fault }];
  const proxy = await startFaultProxy(server.url, { rules });
  const reports: RequestReport[] = [];
  const store = openHttpStore(proxy.url, { ...options, onRequest: (report) => reports.push(report) });
  t.teardown(async () => {
    await store.close();
    await proxy.close();
    await server.close();
  });
  return { proxy, store, reports };
}

/** Any server of Node. */
interface Listening {
  listen(port: number, host: string, ready: () => void): unknown;
  address(): AddressInfo | string | null;
}

/** Lets `server` listen on a free port of the loopback interface; gives its URL. */
export async function listen(server: Listening): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}
