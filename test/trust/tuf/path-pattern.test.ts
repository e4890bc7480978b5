import test from 'ava';
import { matchesPattern } from '../../../src/trust/tuf/path-pattern.ts';

const matches: readonly (readonly [pattern: string, path: string, matches: boolean])[] = [
  ['*', 'file', true],
  ['*', '', true],
  ['*', '.hidden', true],
  ['*', 'dir/file', false],
  ['*/*', 'dir/file', true],
  ['dir/*', 'dir/a/b', false],
  ['dir/*.json', 'dir/1.0.0.json', true],
  ['dir/*.json', 'dir/.json', true],
  ['dir/*.json', 'dir/json', false],
  ['*.json', 'a.json.bak', false],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'acb', false],
  ['foo-?.tgz', 'foo-1.tgz', true],
  ['foo-?.tgz', 'foo-10.tgz', false],
  ['?', '😀', true],
  ['[ab]x', 'bx', true],
  ['[ab]x', 'cx', false],
  ['[a-c]x', 'bx', true],
  ['[!a-c]x', 'bx', false],
  ['[!a-c]x', 'dx', true],
  ['[]x]', ']', true],
  ['[a-]', '-', true],
  ['[', '[', true],
  ['[ab', '[ab', true],
  // What other matchers would make more of.
  ['!a', 'b', false],
  ['!a', '!a', true],
  ['#a', '#a', true],
  ['{a,b}', 'a', false],
  ['@(a|b)', 'a', false],
  ['**', 'a/b', false],
  ['a+', 'aa', false],
  ['.', 'x', false],
  ['\\*', '\\anything', true],
  ['FILE', 'file', false],
];

for (const [pattern, path, expected] of matches) {
  test(`the pattern ${pattern} ${expected ? 'matches' : 'does not match'} "${path}"`, (t) => {
    t.is(matchesPattern(path, pattern), expected);
  });
}

test('a hostile pattern costs no more than its length times that of the path', (t) => {
  const path = 'a'.repeat(512);
  for (const pattern of [`${'*a'.repeat(255)}b`, `${'*'.repeat(511)}b`, `${'a*'.repeat(255)}?b`]) {
    t.false(matchesPattern(path, pattern));
  }
});
