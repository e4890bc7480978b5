import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { openSubject } from '../../src/compare/subject.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const about = { name: 'p', standsFor: 'a pair' };

test('a subject knows sizes and digests of its releases', async (t) => {
  const directory = await temporaryDirectory(t);
  const files = ['old', 'new'].map((name) => join(directory, name));
  await writeFile(files[0] as string, '');
  await writeFile(files[1] as string, 'abc');
  const { info } = await openSubject(about, files);
  // FIPS 180-4, examples.
  t.deepEqual(info.releases, [
    { bytes: 0, sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' },
    { bytes: 3, sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad' },
  ]);
});

test('one release is no comparison', async (t) => {
  await throwsSilt(t, () => openSubject(about, ['/dev/null']), 'USAGE');
});

test('a file that is not there is named', async (t) => {
  const missing = join(await temporaryDirectory(t), 'missing');
  const error = await throwsSilt(t, () => openSubject(about, ['/dev/null', missing]), 'IO_FAILED');
  t.true(error.message.includes(missing));
});
