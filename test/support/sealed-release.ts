/**
 * Sealed releases in a repository, and recipients that fetch them.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { fetchImage } from '../../src/fetcher/fetch.ts';
import type { FetchReport } from '../../src/fetcher/fetch-report.ts';
import type { Manifest } from '../../src/format/manifest.ts';
import type { PublishOptions } from '../../src/publisher/publish.ts';
import type { PublishReport } from '../../src/publisher/publish-report.ts';
import { contentKeyOf, type OpenContentKey } from '../../src/trust/seal/content-key.ts';
import { type MasterSecret, masterKeys, masterSecretOf } from '../../src/trust/seal/master-secret.ts';
import { recipientKeys } from '../../src/trust/seal/recipient-keys.ts';
import { openReleases } from '../../src/trust/unsigned-releases.ts';
import { type PublishBench, publishBench } from './publish-bench.ts';
import { AT_ONCE, type FetchRequest } from './release-repository.ts';
import { seededBytes } from './seeded-bytes.ts';
import { certify, type Party } from './test-pki.ts';

/** The same in every run. */
export const master: MasterSecret = masterSecretOf(seededBytes('master secret', 32), 'the master secret');

/** A content key that is the same in every run. */
export const sampleKey = contentKeyOf(seededBytes('content key', 32));

/** Devices with keys on P-256, made anew in every run. */
export async function makeDevices<N extends string>(...names: readonly N[]): Promise<Record<N, Party>> {
  const made = await Promise.all(
    names.map(async (name) => [name, await certify({ name, usage: ['keyAgreement'] })] as const),
  );
  return Object.fromEntries(made) as Record<N, Party>;
}

export interface SealedBench extends PublishBench {
  /** Publishes version `version` of `os`, sealed for these. */
  seal(
    version: string,
    images: Readonly<Record<string, string>>,
    recipients: readonly Party[],
    options?: Partial<PublishOptions>,
  ): Promise<PublishReport>;
  /** What opens releases of this repository for a recipient. */
  keysOf(party: Party): OpenContentKey;
  /** Fetches a release of `os`, the latest unless told otherwise. */
  fetch(options: FetchRequest, contentKey?: OpenContentKey): Promise<FetchReport>;
  /** The bytes of an object. */
  object(key: string): Promise<Buffer>;
}

export const asMaster: OpenContentKey = masterKeys(master);

/** An empty repository for sealed releases. */
export async function sealedBench(t: ExecutionContext<unknown>): Promise<SealedBench> {
  const bench = await publishBench(t);
  return {
    ...bench,
    seal: (version, images, recipients, options = {}) =>
      bench.publish(version, images, {
        sealing: { master, recipients: recipients.map(({ certificate }) => certificate) },
        ...options,
      }),
    keysOf: ({ certificate, key }) => recipientKeys(bench.store, { certificate, privateKey: key }),
    fetch: (options, contentKey) =>
      fetchImage(bench.store, openReleases, {
        product: 'os',
        selector: { latest: true },
        retry: AT_ONCE,
        contentKey,
        ...options,
      }),
    object: (key) => readFile(join(bench.repository, key)),
  };
}

/** Keys of the indexes and deltas that a manifest names. */
export function objectsOf({ images }: Manifest): { indexes: string[]; deltas: string[] } {
  return {
    indexes: images.map(({ index }) => `indexes/${index.sha256}`),
    deltas: images.flatMap(({ deltas = [] }) => deltas.map(({ sha256 }) => `deltas/${sha256}`)),
  };
}
