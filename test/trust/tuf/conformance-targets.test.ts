/**
 * Conformance, target files: TUF 1.0, §4.5 and §5.7. A title begins with the clause; what stands in brackets at
 * its end is the case of the public conformance suite that it covers.
 */
import test from 'ava';
import { openTufReleases } from '../../../src/trust/tuf/tuf-releases.ts';
import { throwsSilt } from '../../support/throws-silt.ts';
import { MAX_TARGET_BYTES, TufDevice } from '../../support/tuf-device.ts';
import { TufReleaseRepository } from '../../support/tuf-release-repository.ts';
import { TufRepository } from '../../support/tuf-repository.ts';

const text = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString();

function holding(path: string, content: string, algorithms?: readonly string[]): TufRepository {
  const repository = new TufRepository();
  repository.addTarget('targets', path, Buffer.from(content), algorithms);
  repository.publish('targets', 'snapshot', 'timestamp');
  return repository;
}

function hashesOf(repository: TufRepository, path: string): string[] {
  return Object.values(repository.targets.targets[path]?.hashes ?? {});
}

test('TUF 5.7.3: a target is downloaded when asked for, not before (test_client_downloads_expected_file)', async (t) => {
  const repository = holding('target_file.txt', 'target file contents');
  const device = new TufDevice(repository);
  await device.refresh();
  t.false(repository.askedFor().some((key) => key.startsWith('targets/')));
  t.is(text(await device.download('target_file.txt')), 'target file contents');
});

test('TUF 5.7.3: the hash stands before the name of a target, not before its path (test_client_downloads_expected_file_in_sub_dir)', async (t) => {
  const repository = holding('path/to/a/target_file.txt', 'target file contents');
  const [hash] = hashesOf(repository, 'path/to/a/target_file.txt');
  const device = new TufDevice(repository);
  t.is(text(await device.download('path/to/a/target_file.txt')), 'target file contents');
  t.is(repository.askedFor().at(-1), `targets/path/to/a/${hash}.target_file.txt`);
});

test('TUF 5.7.3: bytes that are not those of the target are refused (test_repository_substitutes_target_file)', async (t) => {
  const repository = holding('one', 'target file contents');
  repository.addTarget('targets', 'two', Buffer.from('content'));
  repository.publish('targets', 'snapshot', 'timestamp');
  const device = new TufDevice(repository);
  t.is(text(await device.download('one')), 'target file contents');

  for (const path of ['one', 'two']) {
    for (const lie of ['malicious data, of another length', 'shorter', '']) {
      repository.storeTarget(path, Buffer.from(lie), hashesOf(repository, path));
      await t.throwsAsync(device.download(path), { message: new RegExp(path) });
    }
  }
  repository.storeTarget('two', Buffer.from('CONTENT'), hashesOf(repository, 'two'));
  await throwsSilt(t, () => device.download('two'), 'MANIFEST_ALTERED');
});

test('TUF 5.7.3: of a target that changes often, each version is what its metadata says (test_multiple_changes_to_target)', async (t) => {
  const repository = holding('target', 'first');
  const device = new TufDevice(repository);
  t.is(text(await device.download('target')), 'first');
  for (let n = 0; n < 11; n++) {
    repository.addTarget('targets', 'target', Buffer.from(`modified ${n}`));
    repository.addTarget('targets', `new-target-${n}`, Buffer.from(`new ${n}`));
    repository.publish('targets', 'snapshot', 'timestamp');
    // The device misses most versions.
    if (n % 5 !== 0) continue;
    t.is(text(await device.download('target')), `modified ${n}`);
    t.is(text(await device.download(`new-target-${n}`)), `new ${n}`);
    repository.storeTarget('target', Buffer.from(`malicious ${n}`), hashesOf(repository, 'target'));
    repository.publish('targets', 'snapshot', 'timestamp');
    await t.throwsAsync(device.download('target'));
  }
});

for (const [n, hashes] of [['sha256'], ['sha512'], ['sha256', 'sha512']].entries()) {
  test(`TUF 4.5: ${hashes.join(' and ')} of a target are checked (test_download_with_hash_algorithms[hashes${n}])`, async (t) => {
    const repository = holding('target', 'content', hashes);
    const device = new TufDevice(repository);
    t.is(text(await device.download('target')), 'content');
    t.is(repository.askedFor().filter((key) => key.startsWith('targets/')).length, 1);

    // Each of them is, not only the first.
    for (const algorithm of hashes) {
      const right = structuredClone(repository.targets.targets.target?.hashes ?? {});
      const wrong = {
        ...right,
        [algorithm]: (right[algorithm] ?? '').replace(/^./, (c) => (c === '0' ? '1' : '0')),
      };
      Object.assign(repository.targets.targets.target ?? {}, { hashes: wrong });
      repository.storeTarget('target', Buffer.from('content'), Object.values(wrong));
      repository.publish('targets', 'snapshot', 'timestamp');
      await throwsSilt(t, () => device.download('target'), 'MANIFEST_ALTERED');
      Object.assign(repository.targets.targets.target ?? {}, { hashes: right });
    }
  });
}

test('TUF 4.5: a target without a hash that can be checked is refused (test_download_with_unknown_hash_algorithm)', async (t) => {
  const repository = holding('target', 'content', ['sha512']);
  const [hash = ''] = hashesOf(repository, 'target');
  Object.assign(repository.targets.targets.target ?? {}, { hashes: { 'unknown-hash': hash } });
  repository.publish('targets', 'snapshot', 'timestamp');
  await t.throwsAsync(new TufDevice(repository).download('target'), { name: 'SiltError' });
});

test('TUF 5.7.3: a target larger than the caller wants is refused before it is downloaded', async (t) => {
  const repository = holding('target', 'c'.repeat(100));
  const trusted = await new TufDevice(repository).refresh();
  const target = await trusted.findTarget('target');
  if (target === undefined) return t.fail('expected to find the target');
  repository.askedFor();
  await throwsSilt(t, () => trusted.readTarget(target, { maxBytes: 99 }), 'TRUST_TOO_LARGE');
  t.deepEqual(repository.askedFor(), []);
  t.is((await trusted.readTarget(target, { maxBytes: MAX_TARGET_BYTES })).length, 100);
});

test('TUF 5.7: a manifest that the device has already is not downloaded again (test_artifact_cache)', async (t) => {
  const repository = new TufReleaseRepository(['os']);
  repository.addRelease('os', '1.0');
  repository.publishProduct('os');
  const { state, factoryRoot } = new TufDevice(repository);
  const options = { store: repository, state, factoryRoot, now: () => repository.now };
  t.is((await openTufReleases(options).find('os', { latest: true })).version, '1.0');
  t.is(repository.askedFor().filter((key) => key.startsWith('targets/')).length, 1);

  t.is((await openTufReleases(options).find('os', { latest: true })).version, '1.0');
  t.deepEqual(repository.askedFor(), ['2.root', 'timestamp']);
});
