import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ErrorCode, isSiltError } from '../../src/core/errors.ts';
import { KiB } from '../../src/core/sizes.ts';
import { fetchImage } from '../../src/fetcher/fetch.ts';
import { prune } from '../../src/publisher/prune/prune.ts';
import { publish } from '../../src/publisher/publish.ts';
import { memoryState } from '../../src/trust/tuf/metadata-state.ts';
import { openTufReleases } from '../../src/trust/tuf/tuf-releases.ts';
import { setAwsEnvironment } from '../support/aws-environment.ts';
import { collect } from '../support/collect.ts';
import { keepLast } from '../support/prune-bench.ts';
import { FAST } from '../support/publish-bench.ts';
import { AT_ONCE } from '../support/release-repository.ts';
import { repositoryObjects } from '../support/repository-objects.ts';
import { s3Test, startS3Bucket } from '../support/s3-bucket.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { signedRepository } from '../support/signed-repository.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

setAwsEnvironment();

const damages = {
  lost: (path: string) => rm(path),
  truncated: (path: string) => truncate(path, 40),
} as const;

s3Test(
  'a bucket that loses or truncates signed metadata: whoever needs it is told, and nothing changes',
  async (t) => {
    t.timeout(240_000);
    const { store, fileOf } = await startS3Bucket(t);
    const signed = await signedRepository(t);
    for await (const { key } of signed.store.list('')) {
      await store.putIfAbsent(
        key,
        (await signed.store.get(key, { maxBytes: KiB * KiB }))?.bytes ?? new Uint8Array(),
      );
    }
    const directory = await temporaryDirectory(t);
    // As a process has it that was just started: it remembers nothing.
    const ledger = () => signed.ledger(undefined, store);
    const path = join(directory, 'image');
    const publishVersion = async (version: string) => {
      await writeFile(path, seededBytes(version, 40 * KiB));
      const images = [{ name: 'rootfs', path }];
      return await publish(store, ledger(), {
        ...FAST,
        product: 'app',
        version,
        images,
        temporaryDirectory: directory,
      });
    };
    const output = join(directory, 'output');
    const attempts: Record<string, () => Promise<unknown>> = {
      publish: () => publishVersion('3'),
      prune: () => prune(store, ledger(), { keep: keepLast(1), graceMs: 0 }),
      fetch: () =>
        fetchImage(
          store,
          (from) =>
            openTufReleases({ store: from, state: memoryState(), factoryRoot: signed.root, now: signed.now }),
          {
            product: 'app',
            selector: { version: '2' },
            output,
            retry: AT_ONCE,
          },
        ),
    };
    for (const version of ['1', '2']) await publishVersion(version);
    const keys = (await collect(store.list(''))).map(({ key }) => key);
    const newest = (begin: RegExp): string =>
      keys
        .filter((key) => begin.test(key))
        .sort()
        .at(-1) ?? '';
    const needed: readonly (readonly [key: string, lost: ErrorCode, truncated: ErrorCode])[] = [
      ['metadata/timestamp.json', 'NOT_A_REPOSITORY', 'TRUST_MALFORMED'],
      [newest(/^metadata\/\d+\.snapshot\.json$/), 'OBJECT_MISSING', 'TRUST_MISMATCH'],
      [newest(/^metadata\/\d+\.targets\.json$/), 'OBJECT_MISSING', 'TRUST_MISMATCH'],
      [newest(/^metadata\/\d+\.product-app\.json$/), 'OBJECT_MISSING', 'TRUST_MISMATCH'],
      [newest(/^targets\/app\/[0-9a-f]+\.2\.json$/), 'OBJECT_MISSING', 'MANIFEST_ALTERED'],
    ];
    const before = await repositoryObjects(store);
    for (const [key, ...codes] of needed) {
      const file = fileOf(key);
      const copy = await readFile(file);
      for (const [at, [what, damage]] of Object.entries(damages).entries()) {
        await damage(file);
        for (const [name, attempt] of Object.entries(attempts)) {
          const error = await t.throwsAsync(attempt(), undefined, `${name}: ${what} ${key}`);
          // A publisher finds by the manifests that there was a repository.
          const isLost = name === 'publish' && codes[at] === 'NOT_A_REPOSITORY';
          const code = isLost ? 'OBJECT_MISSING' : codes[at];
          t.true(isSiltError(error, code), `${name}: ${what} ${key}: ${error}`);
        }
        await writeFile(file, copy);
        t.deepEqual(await repositoryObjects(store), before, `${what} ${key}`);
      }
    }
    for (const attempt of [attempts.fetch, attempts.publish])
      await t.notThrowsAsync(attempt?.() ?? Promise.reject());
    t.deepEqual(await readFile(output), Buffer.from(seededBytes('2', 40 * KiB)));
  },
);
