/**
 * A place to publish in: a repository in a directory, files for images, and the options that all tests of
 * the publisher share.
 *
 * @module
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { type PublishOptions, publish } from '../../src/publisher/publish.ts';
import type { PublishReport } from '../../src/publisher/publish-report.ts';
import { openDirectoryStore } from '../../src/store/directory.ts';
import type { Store } from '../../src/store/store.ts';
import { openLedger } from '../../src/trust/unsigned-releases.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** The time of every release, so that manifests of equal releases are equal. */
export const CREATED = new Date('2026-01-02T03:04:05.678Z');

/** Fast, and the same everywhere. */
export const FAST = { compression: { codec: 'zstd', level: 1 }, workers: 1, created: CREATED } as const;

export interface PublishBench {
  readonly directory: string;
  /** The repository's directory. */
  readonly repository: string;
  readonly store: Store;
  /** Writes a file beside the repository; gives its path. */
  file(name: string, bytes: Uint8Array): Promise<string>;
  /** Publishes version `version` of `os`, its images by name; `options` over {@link FAST}, `store` over ours. */
  publish(
    version: string,
    images: Readonly<Record<string, string>>,
    options?: Partial<PublishOptions>,
    store?: Store,
  ): Promise<PublishReport>;
}

/** An empty repository in a temporary directory. */
export async function publishBench(t: ExecutionContext<unknown>): Promise<PublishBench> {
  const directory = await temporaryDirectory(t);
  const repository = join(directory, 'repository');
  const own = await openDirectoryStore(repository, { create: true });
  return {
    directory,
    repository,
    store: own,
    async file(name, bytes) {
      const path = join(directory, name);
      await writeFile(path, bytes);
      return path;
    },
    publish: (version, images, options = {}, store = own) =>
      publish(store, openLedger(store), {
        ...FAST,
        product: 'os',
        version,
        images: Object.entries(images).map(([name, path]) => ({ name, path })),
        temporaryDirectory: directory,
        ...options,
      }),
  };
}
