import { readFile, writeFile } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import { startStaticServer } from '../../src/server/static-server.ts';
import { openHttpStore } from '../../src/store/http.ts';
import type { Releases } from '../../src/trust/releases.ts';
import { lookingTwice } from '../../src/trust/second-look.ts';
import { memoryState } from '../../src/trust/tuf/metadata-state.ts';
import { openTufReleases } from '../../src/trust/tuf/tuf-releases.ts';
import { LONG_LIVED } from '../support/cdn.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { PATIENT } from '../support/faulty-repository.ts';
import type { Nginx, NginxOptions } from '../support/nginx.ts';
import { nginxTest, startNginx } from '../support/nginx-test.ts';
import { newRelease, type SignedRepository, signedRepository } from '../support/signed-repository.ts';
import { throwsSilt } from '../support/throws-silt.ts';

/** What the node may give without asking ends after a second. */
const SHORT_LIVED = [['proxy_cache_valid 200 10s', 'proxy_cache_valid 200 1s']] as const;

interface SignedCdn {
  readonly repository: SignedRepository;
  readonly origin: FaultProxy;
  readonly nginx: Nginx;
  /** A device with a memory of its own. */
  device(): Releases;
}

async function signedCdn(
  t: ExecutionContext<unknown>,
  replace: NonNullable<NginxOptions['replace']> = LONG_LIVED,
): Promise<SignedCdn> {
  const repository = await signedRepository(t);
  await repository.ledger().add(newRelease('1.0.0'));
  const server = await startStaticServer(repository.directory, { graceMs: 0 });
  const origin = await startFaultProxy(server.url);
  const nginx = await startNginx(t, { origin: origin.url, replace });
  t.teardown(async () => {
    await origin.close();
    await server.close();
  });
  return {
    repository,
    origin,
    nginx,
    device() {
      const store = openHttpStore(nginx.url, PATIENT);
      t.teardown(() => store.close());
      const state = memoryState();
      return lookingTwice((from) =>
        openTufReleases({ store: from, state, factoryRoot: repository.root, now: repository.now }),
      )(store);
    },
  };
}

const latest = async (device: Releases): Promise<string> =>
  (await device.open('app', { latest: true })).manifest.version;

/** Asks for the object that changes until the node answers from there. */
async function until(nginx: Nginx, status: string): Promise<void> {
  for (;;) {
    const answer = await fetch(`${nginx.url}metadata/timestamp.json`);
    await answer.arrayBuffer();
    if (answer.headers.get('x-cache') === status) return;
  }
}

nginxTest('what changes is asked for anew by its validator, and a release is seen', async (t) => {
  const { repository, origin, nginx, device } = await signedCdn(t, SHORT_LIVED);
  t.is(await latest(device()), '1.0.0');
  await until(nginx, 'REVALIDATED');
  const asked = origin.log.filter(({ path }) => path.endsWith('timestamp.json'));
  t.is(asked.at(-1)?.status, 304);
  t.is(typeof asked.at(-1)?.headers['if-none-match'], 'string');
  await repository.ledger().add(newRelease('1.1.0'));
  await until(nginx, 'EXPIRED');
  t.is(await latest(device()), '1.1.0');
});

nginxTest('while the origin is down old metadata is good until it expires, and no longer', async (t) => {
  const { repository, origin, nginx, device } = await signedCdn(t, SHORT_LIVED);
  t.is(await latest(device()), '1.0.0');
  await origin.close();
  await until(nginx, 'STALE');
  t.is(await latest(device()), '1.0.0');
  repository.clock = new Date(repository.clock.getTime() + 400 * 86_400_000);
  await throwsSilt(t, () => latest(device()), 'TRUST_EXPIRED');
});

nginxTest(
  'a second device asks the origin for nothing, not even for the root that is not there',
  async (t) => {
    const { origin, device } = await signedCdn(t);
    t.is(await latest(device()), '1.0.0');
    const paths = origin.log.map(({ path }) => path);
    t.is(new Set(paths).size, paths.length);
    t.true(paths.includes('/metadata/2.root.json'));
    t.is(await latest(device()), '1.0.0');
    t.is(origin.log.length, paths.length);
  },
);

nginxTest('a server that says 403 for what is not there, as S3 may, has no next root', async (t) => {
  const { origin, device } = await signedCdn(t);
  origin.script([{ match: /2\.root\.json/, fault: { kind: 'status', status: 403 } }]);
  t.is(await latest(device()), '1.0.0');
  t.is(await latest(device()), '1.0.0');
  t.is(origin.log.filter(({ path }) => path.includes('2.root.json')).length, 1);
});

for (const object of ['timestamp.json', 'snapshot.json', 'product-app.json', '/targets/']) {
  nginxTest(`wrong bytes of ${object} in the cache are passed by, and healed`, async (t) => {
    const { nginx, origin, device } = await signedCdn(t);
    t.is(await latest(device()), '1.0.0');
    let poisoned = 0;
    for (const file of await nginx.cacheFiles()) {
      const bytes = await readFile(file);
      if (!/\nKEY: (.*)\n/.exec(bytes.toString('latin1', 0, 1000))?.[1]?.includes(object)) continue;
      // A digit or a letter of the signature or the text: still a document, not the one that was signed.
      const at = bytes.length - 20;
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      await writeFile(file, bytes);
      poisoned += 1;
    }
    t.is(poisoned, 1);
    t.is(await latest(device()), '1.0.0');
    const asked = origin.log.length;
    t.is(await latest(device()), '1.0.0');
    t.is(origin.log.length, asked);
  });
}

test('what does not hold the second time does not hold, and is asked for twice', async (t) => {
  const repository = await signedRepository(t);
  await repository.ledger().add(newRelease('1.0.0'));
  const server = await startStaticServer(repository.directory, { graceMs: 0 });
  const origin = await startFaultProxy(server.url);
  const store = openHttpStore(origin.url, PATIENT);
  t.teardown(async () => {
    await store.close();
    await origin.close();
    await server.close();
  });
  origin.script([{ match: /snapshot/, fault: { kind: 'wrong-bytes' } }]);
  const { root: factoryRoot, now } = repository;
  const device = lookingTwice((from) =>
    openTufReleases({ store: from, state: memoryState(), factoryRoot, now }),
  )(store);
  const error = await t.throwsAsync(latest(device));
  t.regex((error as { code?: string }).code ?? '', /^TRUST_/);
  const asked = origin.log.filter(({ path }) => /snapshot/.test(path));
  t.deepEqual(
    asked.map(({ headers }) => headers['cache-control']),
    [undefined, 'no-cache'],
  );
});
