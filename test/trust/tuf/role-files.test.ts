import test from 'ava';
import { isKey } from '../../../src/store/key.ts';
import { metadataKey, stateName, targetKey } from '../../../src/trust/tuf/role-files.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

test('metadata lies under its role, with its version unless it changes', (t) => {
  t.is(metadataKey('root', 7), 'metadata/7.root.json');
  t.is(metadataKey('timestamp', undefined), 'metadata/timestamp.json');
  t.is(metadataKey('product-os+x~1.0', 2), 'metadata/2.product-os+x~1.0.json');
});

test('a role name that could lead elsewhere is encoded; others are not, for a store does that itself', (t) => {
  t.is(metadataKey('?', 1), 'metadata/1.?.json');
  t.is(metadataKey('a/b', 1), 'metadata/1.a%2Fb.json');
  t.is(metadataKey('../../x', 1), 'metadata/1...%2F..%2Fx.json');
  t.is(metadataKey('.x', undefined), 'metadata/.x.json');
  for (const role of ['a/b', '..', '../x', '/', 'a\\b', 'a\u0000b', '\n', '.', 'ä', '%2F']) {
    t.true(isKey(metadataKey(role, 1)), role);
    t.is(metadataKey(role, 1).split('/').length, 2);
  }
});

test('a target lies under its path, and its hash stands before its name', (t) => {
  t.is(targetKey('os/1.json', 'ab'), 'targets/os/ab.1.json');
  t.is(targetKey('1.json', 'ab'), 'targets/ab.1.json');
  t.is(targetKey('a/b/c', undefined), 'targets/a/b/c');
});

test('a target path that leads elsewhere is refused', async (t) => {
  for (const path of ['', '/', '/etc/x', '../x', 'a/../b', 'a//b', 'a/', './a', 'a\\b', 'a\u0000', 'a/..']) {
    await throwsSilt(t, async () => targetKey(path, undefined), 'TRUST_MALFORMED');
    await throwsSilt(t, async () => targetKey(path, 'ab'), 'TRUST_MALFORMED');
  }
});

test('a state keeps every role under a plain name of its own', (t) => {
  const roles = [
    'product-os',
    'a/b',
    'a%2Fb',
    '..',
    '.',
    '?',
    'ä',
    'A',
    'a',
    'a b',
    'x'.repeat(400),
    'x'.repeat(401),
  ];
  const names = roles.map(stateName);
  t.is(names[0], 'product-os.json');
  t.is(new Set(names).size, roles.length);
  for (const name of names) t.regex(name, /^[A-Za-z0-9_%][A-Za-z0-9._%-]{0,199}$/);
});
