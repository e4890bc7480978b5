/**
 * Conformance, repositories made by others: what python-tuf 7 wrote, kept for good in test/vectors/tuf-1 (made by
 * test/support/python-tuf/make_repository.py). What stands in brackets at the end of a title is the case of the
 * public conformance suite that it covers.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { openDirectoryStore } from '../../../src/store/directory.ts';
import { refresh, type TrustedMetadata } from '../../../src/trust/tuf/client.ts';
import { memoryState } from '../../../src/trust/tuf/metadata-state.ts';
import { MAX_TARGET_BYTES } from '../../support/tuf-device.ts';

const NOW = new Date('2027-01-01T00:00:00Z');

async function refreshed(name: string): Promise<TrustedMetadata> {
  const directory = fileURLToPath(new URL(`../../vectors/tuf-1/${name}`, import.meta.url));
  return refresh({
    store: await openDirectoryStore(directory),
    state: memoryState(),
    factoryRoot: await readFile(`${directory}/root.json`),
    now: () => NOW,
  });
}

async function read(trusted: TrustedMetadata, path: string): Promise<string | undefined> {
  const target = await trusted.findTarget(path);
  if (target === undefined) return undefined;
  return Buffer.from(await trusted.readTarget(target, { maxBytes: MAX_TARGET_BYTES })).toString('latin1');
}

test('TUF 5: a small repository of python-tuf is read (test_static_repository[tuf-on-ci-0.11])', async (t) => {
  const trusted = await refreshed('python-tuf-plain');
  t.is(await read(trusted, 'hello.txt'), 'hello from python-tuf\n');
  t.is(await read(trusted, 'none.txt'), undefined);
});

test('TUF 5: a large one is read: three roots, thresholds of two, keys of each type, delegations (test_static_repository[sigstore-root-signing])', async (t) => {
  const trusted = await refreshed('python-tuf-mixed');
  t.is(trusted.root.signed.version, 3);
  t.is(await read(trusted, 'hello.txt'), 'hello from python-tuf\n');
  t.is(await read(trusted, 'product/file.txt'), Buffer.from('grüße\n').toString('latin1'));
  t.is((await read(trusted, 'product/deep/file.bin'))?.length, 256);
  t.is(await read(trusted, 'hashed-target'), 'found by its hash\n');
  t.is(await read(trusted, 'product/none.txt'), undefined);
});

test('TUF 6.2: one without consistent snapshots and hashes is read', async (t) => {
  const trusted = await refreshed('python-tuf-flat');
  t.is(await read(trusted, 'hello.txt'), 'hello from python-tuf\n');
});
