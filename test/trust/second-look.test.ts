import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { startStaticServer } from '../../src/server/static-server.ts';
import { openHttpStore } from '../../src/store/http.ts';
import { type Mirrors, openMirrors } from '../../src/store/mirrors.ts';
import type { Releases } from '../../src/trust/releases.ts';
import { lookingTwice } from '../../src/trust/second-look.ts';
import { memoryState } from '../../src/trust/tuf/metadata-state.ts';
import { openTufReleases } from '../../src/trust/tuf/tuf-releases.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { PATIENT } from '../support/faulty-repository.ts';
import { newRelease, type SignedRepository, signedRepository } from '../support/signed-repository.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

async function serve(t: ExecutionContext<unknown>, directory: string): Promise<FaultProxy> {
  const server = await startStaticServer(directory, { graceMs: 0 });
  const proxy = await startFaultProxy(server.url);
  t.teardown(async () => {
    await proxy.close();
    await server.close();
  });
  return proxy;
}

function mirrorsOver(t: ExecutionContext<unknown>, ...places: FaultProxy[]): Mirrors {
  const mirrors = openMirrors(places.map(({ url }) => openHttpStore(url, PATIENT)));
  t.teardown(() => mirrors.close());
  return mirrors;
}

/** A device that remembers what it has seen; each question is a run of its own. */
function deviceOf({ root: factoryRoot, now }: SignedRepository) {
  const state = memoryState();
  const open = lookingTwice((store) => openTufReleases({ store, state, factoryRoot, now }));
  return async (store: Mirrors): Promise<string> => await latest(open(store));
}

const latest = async (releases: Releases): Promise<string> =>
  (await releases.open('app', { latest: true })).manifest.version;

test('metadata that one mirror has altered is had from another, and the first is passed by from then on', async (t) => {
  const repository = await signedRepository(t);
  await repository.ledger().add(newRelease('1.0.0'));
  const [bad, good] = [await serve(t, repository.directory), await serve(t, repository.directory)];
  bad.script([{ match: /snapshot|product-app|targets/, fault: { kind: 'wrong-bytes' } }]);
  const mirrors = mirrorsOver(t, bad, good);
  t.is(await deviceOf(repository)(mirrors), '1.0.0');
  t.is(mirrors.usage()[0]?.wrong, 1);
  const before = bad.log.length;
  t.is(await deviceOf(repository)(mirrors), '1.0.0');
  t.is(bad.log.length, before);
});

test('a mirror that is behind what the device has seen is no way back', async (t) => {
  const repository = await signedRepository(t);
  await repository.ledger().add(newRelease('1.0.0'));
  const old = join(await temporaryDirectory(t), 'old');
  await cp(repository.directory, old, { recursive: true });
  await repository.ledger().add(newRelease('1.1.0'));
  const [stale, fresh] = [await serve(t, old), await serve(t, repository.directory)];
  const device = deviceOf(repository);
  t.is(await device(mirrorsOver(t, fresh)), '1.1.0');
  await throwsSilt(t, () => device(mirrorsOver(t, stale)), 'TRUST_ROLLBACK');
  t.is(await device(mirrorsOver(t, stale, fresh)), '1.1.0');
});

test('one that has seen nothing newer takes what the mirror it prefers has, as TUF lets it', async (t) => {
  const repository = await signedRepository(t);
  await repository.ledger().add(newRelease('1.0.0'));
  const old = join(await temporaryDirectory(t), 'old');
  await cp(repository.directory, old, { recursive: true });
  await repository.ledger().add(newRelease('1.1.0'));
  const [stale, fresh] = [await serve(t, old), await serve(t, repository.directory)];
  t.is(await deviceOf(repository)(mirrorsOver(t, stale, fresh)), '1.0.0');
});
