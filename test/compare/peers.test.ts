import test from 'ava';
import { allPeers, choosePeers } from '../../src/compare/peers.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const all = allPeers(['silt']);
const namesOf = (names: string[]): string[] => choosePeers(all, names).map(({ name }) => name);

test('names are short, distinct and fit a command line', (t) => {
  const names = all.map(({ name }) => name);
  t.is(new Set(names).size, names.length);
  for (const name of names) t.regex(name, /^[a-z][a-z0-9-]{1,19}$/);
});

test('every peer has a title and a program, and says how to install it', (t) => {
  for (const { title, programs } of all) {
    t.regex(title, /^\S.*\S$/);
    t.true(programs.length > 0);
    for (const { install } of programs) t.not(install, '');
  }
});

test('a peer is chosen by its name', (t) => {
  t.deepEqual(namesOf(['bsdiff']), ['bsdiff']);
  t.deepEqual(namesOf(['casync-16k']), ['casync-16k']);
});

test('peers that share the beginning of their names are chosen by it', (t) => {
  t.deepEqual(namesOf(['casync']), ['casync-64k', 'casync-16k']);
  t.deepEqual(namesOf(['zstd']), ['zstd-patch', 'zstd-patch-fast']);
});

test('a whole name means that peer alone', (t) => {
  t.deepEqual(namesOf(['silt']), ['silt']);
  t.deepEqual(namesOf(['zstd-patch']), ['zstd-patch']);
});

test('chosen peers keep their order, and none comes twice', (t) => {
  t.deepEqual(namesOf(['full', 'casync-16k', 'casync', 'silt']), [
    'silt',
    'casync-64k',
    'casync-16k',
    'full',
  ]);
});

test('an unknown name, or a part of one, is refused with the known ones', async (t) => {
  for (const name of ['rsync', 'cas', 'casync-', '']) {
    const error = await throwsSilt(t, async () => choosePeers(all, ['bita', name]), 'USAGE');
    t.true(error.message.includes(`found "${name}"`));
    t.true(error.message.includes('casync-64k, casync-16k'));
  }
});

test('tools that cannot take large images say why', (t) => {
  const refusal = (name: string, oldBytes: number, newBytes: number): string | undefined =>
    choosePeers(all, [name])[0]?.refuses?.(oldBytes, newBytes);
  const [MiB, GiB] = [2 ** 20, 2 ** 30];
  t.is(refusal('bsdiff', 500 * MiB, 500 * MiB), undefined);
  t.regex(refusal('bsdiff', 900 * MiB, 10) ?? '', /memory, 14\.9 GiB here/);
  t.regex(refusal('bsdiff', 10, 501 * MiB) ?? '', /up to 500 MiB/);
  t.is(refusal('hdiffz', 2 * GiB - 1, 4 * GiB), undefined);
  t.regex(refusal('hdiffz', 4 * GiB, 10) ?? '', /memory, 36\.0 GiB here/);
  t.is(refusal('zstd-patch', 2 * GiB, 2 * GiB), undefined);
  t.regex(refusal('zstd-patch', 10, 2 * GiB + 1) ?? '', /up to 2 GiB/);
  t.is(refusal('casync-64k', 8 * GiB, 8 * GiB), undefined);
});
