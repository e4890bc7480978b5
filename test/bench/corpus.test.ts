import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { CORPUS, corpusDirectory, findPair, pairsPresent } from '../../bench/corpus/pairs.ts';
import { PINS } from '../../bench/corpus/pins.ts';
import { readRelease, writeRelease } from '../../bench/corpus/write-release.ts';
import { packTar } from '../../scripts/pack-tar.ts';
import { sha256Hex } from '../../src/core/digest.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const never = new AbortController().signal;

test('every pair has a name of its own, files of its own, and says what it stands for', (t) => {
  const names = CORPUS.map(({ name }) => name);
  const files = CORPUS.flatMap(({ releases }) => releases);
  t.is(new Set(names).size, names.length);
  t.is(new Set(files).size, files.length);
  for (const { name, standsFor, releases } of CORPUS) {
    t.regex(name, /^[a-z0-9]+(-[a-z0-9]+)*$/);
    t.regex(standsFor, /^[^\n]{20,100}$/, name);
    t.true(releases.length >= 2, name);
    t.true(
      releases.every((file) => file.startsWith(`${name}.`)),
      name,
    );
  }
});

test('every file of a pair from a package registry is pinned, and no other is', (t) => {
  const files = CORPUS.filter(({ needs }) => needs !== 'debian').flatMap(({ releases }) => releases);
  t.deepEqual(Object.keys(PINS).sort(), files.sort());
  for (const pin of Object.values(PINS)) t.regex(pin, /^[0-9a-f]{64}$/);
});

test('packages are named with one version each, as many as there are releases', (t) => {
  for (const { name, recipe, releases } of CORPUS) {
    if (recipe.kind === 'npm') {
      t.is(recipe.specs.length, releases.length, name);
      t.is(new Set(recipe.specs).size, releases.length, name);
      for (const spec of recipe.specs) t.regex(spec, /^(@[a-z]+\/)?[a-z0-9-]+@\d+\.\d+\.\d+(-[a-z0-9.]+)?$/);
    }
    if (recipe.kind === 'pip-hex') {
      t.is(recipe.packages.length, releases.length, name);
      for (const { spec } of recipe.packages) t.regex(spec, /^[a-z]+==\d+\.\d+\.\d+$/);
    }
  }
});

test('grown pairs are made of pairs that npm alone makes, and only they are in the series', (t) => {
  for (const { name, needs, recipe, series } of CORPUS) {
    t.is(series, recipe.kind === 'grow' ? 'size' : undefined, name);
    if (recipe.kind !== 'grow') continue;
    t.is(needs, 'npm');
    for (const source of recipe.from) t.is(findPair(source)?.recipe.kind, 'npm', source);
  }
});

test('the corpus lies where SILT_CORPUS says, else in the cache of the user', (t) => {
  t.is(corpusDirectory({ SILT_CORPUS: '/somewhere' }), '/somewhere');
  t.regex(corpusDirectory({ SILT_CORPUS: '' }), /[\\/]\.cache[\\/]silt-corpus$/);
  t.is(corpusDirectory({}), corpusDirectory({ SILT_CORPUS: '' }));
});

test('a pair is present when all of its files are', async (t) => {
  const directory = await temporaryDirectory(t);
  const names = (): string[] => pairsPresent(directory).map(({ name }) => name);
  const row = findPair('npm-row')?.releases ?? [];
  t.is(row.length, 10);
  for (const file of ['ext4.old', 'ext4.new', 'erofs.old', ...row.slice(1)]) {
    await writeFile(join(directory, file), '');
  }
  t.deepEqual(names(), ['ext4']);
  await writeFile(join(directory, row[0] ?? ''), '');
  t.deepEqual(names(), ['npm-row', 'ext4']);
  t.deepEqual(pairsPresent(join(directory, 'missing')), []);
});

test('a file with other bytes than its pin does not come about, and one that is there is refused', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'pair.old');
  const content = [Buffer.from('some '), Buffer.from('bytes')];
  const pin = sha256Hex(Buffer.from('some bytes'));
  await t.throwsAsync(writeRelease(path, content, sha256Hex(Buffer.from('others')), never), {
    message: new RegExp(`^pair.old: expected the SHA-256 [0-9a-f]{64}, found ${pin}`),
  });
  t.deepEqual(await readdir(directory), []);
  const release = { file: 'pair.old', bytes: 10, sha256: pin };
  t.deepEqual(await writeRelease(path, content, pin, never), release);
  t.deepEqual(await readdir(directory), ['pair.old']);
  t.deepEqual(await readRelease(path, pin, never), release);
  t.deepEqual(await readRelease(path, undefined, never), release);
  await writeFile(path, 'rotten');
  await t.throwsAsync(readRelease(path, pin, never), { message: /remove .*pair\.old to make it anew$/ });
});

test('an interrupted file leaves nothing behind', async (t) => {
  const directory = await temporaryDirectory(t);
  const abort = new AbortController();
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (let i = 0; ; i += 1) {
      if (i === 3) abort.abort();
      yield new Uint8Array(1000);
    }
  }
  const writing = writeRelease(join(directory, 'pair.old'), endless(), undefined, abort.signal);
  await t.throwsAsync(writing, { name: 'AbortError' });
  t.deepEqual(await readdir(directory), []);
});

test('a tree gives the same tar whatever order, times and masks it was unpacked with', async (t) => {
  const directory = await temporaryDirectory(t);
  const files = ['package/b/x.js', 'package/a.js', 'package/b.js', 'package/bin/run'];
  const pack = async (name: string, order: readonly string[], modes: [number, number]): Promise<string> => {
    for (const file of order) await put(t, join(directory, name, file), file, modes);
    const from = join(directory, name, 'package');
    return (await packTar(from, 'package', join(directory, `${name}.tar`))).sha256;
  };
  const one = await pack('one', files, [0o644, 0o755]);
  t.is(await pack('two', files.toReversed(), [0o600, 0o700]), one);
  t.not(await pack('three', files, [0o644, 0o644]), one);
});

async function put(t: ExecutionContext, path: string, text: string, modes: [number, number]): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  await chmod(path, path.endsWith('run') ? modes[1] : modes[0]);
  t.pass();
}
