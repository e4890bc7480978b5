/** Every write of a publish is carried out, and its answer lost: what is reported, and what is there, stay the same. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { SiltError } from '../../src/core/errors.ts';
import { KiB } from '../../src/core/sizes.ts';
import { type PublishOptions, publish } from '../../src/publisher/publish.ts';
import { requireExclusiveWrites } from '../../src/publisher/require-exclusive-writes.ts';
import type { Store } from '../../src/store/store.ts';
import { withRetry } from '../../src/store/with-retry.ts';
import type { ReleaseLedger } from '../../src/trust/releases.ts';
import { openLedger } from '../../src/trust/unsigned-releases.ts';
import { setAwsEnvironment } from '../support/aws-environment.ts';
import { collect } from '../support/collect.ts';
import { withFlips, withInsertion } from '../support/edited-image.ts';
import { memoryStore } from '../support/memory-store.ts';
import { openScriptedS3, QUICK } from '../support/open-scripted-s3.ts';
import { FAST } from '../support/publish-bench.ts';
import type { ScriptedS3 } from '../support/scripted-s3.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { newRelease, type SignedRepository, signedRepository } from '../support/signed-repository.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

setAwsEnvironment();

const TIMESTAMP = 'metadata/timestamp.json';

/** What a repository begins with, and how releases are added. */
interface Kind {
  readonly begin: (store: Store) => Promise<void>;
  readonly ledger: (store: Store) => ReleaseLedger;
}

const KINDS: Readonly<Record<string, (t: ExecutionContext<unknown>) => Promise<Kind>>> = {
  unsigned: async () => ({ begin: async () => {}, ledger: openLedger }),
  async signed(t) {
    const signed = await signedRepository(t);
    return {
      begin: (store) => copyObjects(signed, store),
      ledger: (store) => signed.ledger(signed.allSigners(), store),
    };
  },
};

async function copyObjects({ store }: SignedRepository, to: Store): Promise<void> {
  for await (const { key } of store.list('')) {
    const bytes = (await store.get(key, { maxBytes: 64 * KiB }))?.bytes as Uint8Array;
    if (key === TIMESTAMP) await to.putIfMatch(key, bytes, undefined);
    else await to.putIfAbsent(key, bytes);
  }
}

const first = seededBytes('first', 300 * KiB);
const IMAGES = [
  first,
  withFlips(first, 0, 200 * KiB, 997),
  withInsertion(first, 100 * KiB, 40 * KiB, 'inserted'),
];

async function imageFiles(t: ExecutionContext<unknown>): Promise<string[]> {
  const directory = await temporaryDirectory(t);
  return await Promise.all(
    IMAGES.map(async (bytes, at) => {
      const path = join(directory, `${at}.img`);
      await writeFile(path, bytes);
      return path;
    }),
  );
}

function optionsFor(version: string, path: string): PublishOptions {
  const images = [{ name: 'rootfs', path }];
  return { ...FAST, product: 'app', version, images, channel: 'stable', bases: { last: 1 } };
}

/** Three releases, each as a command of its own publishes it. */
async function publishAll(t: ExecutionContext<unknown>, store: Store, { begin, ledger }: Kind) {
  await begin(store);
  const reports = [];
  for (const [at, path] of (await imageFiles(t)).entries()) {
    await requireExclusiveWrites(store);
    const { seconds, deltas, ...report } = await publish(store, ledger(store), optionsFor(`1.${at}`, path));
    reports.push({ ...report, deltas: deltas.map((delta) => ({ ...delta, seconds: 0 })) });
  }
  return reports;
}

/** A server that loses the answer to every write, the first time. */
async function losing(t: ExecutionContext<unknown>): Promise<{ store: Store; server: ScriptedS3 }> {
  const writes = new Map<string, number>();
  const { store, server } = await openScriptedS3(t, {
    refuse({ operation, key }) {
      if (operation !== 'PutObject') return undefined;
      const count = (writes.get(key) ?? 0) + 1;
      writes.set(key, count);
      return count % 2 === 1 ? 'lost' : undefined;
    },
  });
  return { store: withRetry(store, QUICK), server };
}

const contents = ({ objects }: ScriptedS3) =>
  [...objects]
    .filter(([key]) => key !== 'prune/probe.json')
    .map(([key, { bytes }]) => `${key} ${bytes.toString('base64')}`)
    .sort();

for (const [name, open] of Object.entries(KINDS)) {
  test(`${name}: with every answer lost once, releases, objects and counts are what they would be`, async (t) => {
    const kind = await open(t);
    const calm = await openScriptedS3(t);
    const expected = await publishAll(t, calm.store, kind);
    const { store, server } = await losing(t);
    t.deepEqual(await publishAll(t, store, kind), expected);
    t.deepEqual(contents(server), contents(calm.server));
    t.is(server.count('PutObject'), 2 * calm.server.count('PutObject'));
    const data = [...server.objects].filter(([key]) => /^(packs|indexes|deltas)\//.test(key));
    const sum = (of: 'objectsUploaded' | 'bytesUploaded') =>
      expected.reduce((total, report) => total + report[of], 0);
    t.is(sum('objectsUploaded'), data.length);
    t.is(
      sum('bytesUploaded'),
      data.reduce((total, [, { size }]) => total + size, 0),
    );
    t.true(expected.every(({ unchanged }) => !unchanged));
    t.is(expected.flatMap(({ deltas }) => deltas.filter(({ kept }) => kept)).length, 2);
  });

  test(`${name}: a release whose answer was lost, and which others have followed, is the publisher's own`, async (t) => {
    const kind = await open(t);
    const inner = memoryStore();
    await kind.begin(inner);
    let isFirst = true;
    const outrun: Store = {
      ...inner,
      async putIfMatch(key, bytes, etag) {
        const next = await inner.putIfMatch(key, bytes, etag);
        if (key !== TIMESTAMP || !isFirst) return next;
        isFirst = false;
        await kind.ledger(inner).add(newRelease('other'), { channel: 'canary' });
        throw new SiltError('NETWORK', 'reset', { transient: true });
      },
    };
    const store = withRetry(outrun, QUICK);
    const [path = ''] = await imageFiles(t);
    const report = await publish(store, kind.ledger(store), optionsFor('1.0', path));
    t.like(report, { unchanged: false, manifest: { version: '1.0', counter: 1 } });
    const listed = await collect(kind.ledger(inner).all());
    t.deepEqual(
      listed.map(({ version, counter }) => [version, counter]),
      [
        ['1.0', 1],
        ['other', 2],
      ],
    );
    t.is((await kind.ledger(inner).find('app', { channel: 'stable' })).version, '1.0');
  });
}
