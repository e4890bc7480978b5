import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { isSiltError } from '../../../src/core/errors.ts';
import {
  decodeGrubEnvironment,
  encodeGrubEnvironment,
  type GrubEnvironment,
  grubVariable,
  withGrubVariables,
} from '../../../src/device/boot/grub-environment.ts';
import { grubEditenv, grubEditenvTest } from '../../support/grub-editenv.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const SIGNATURE = '# GRUB Environment Block\n';
const block = (body: string): Uint8Array => Buffer.from((SIGNATURE + body).padEnd(1024, '#'), 'latin1');
const empty: GrubEnvironment = { lines: [] };

const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/);
const value = fc.string({
  unit: fc.oneof(
    fc.constantFrom('\\', '\n', '#', '=', ' ', '"'),
    fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)),
  ),
  maxLength: 30,
});
const variables = fc
  .dictionary(name, value, { maxKeys: 10 })
  .map((found): Record<string, string> => ({ ...found }));

test('what is set comes back, and encodes to 1024 bytes', (t) => {
  fc.assert(
    fc.property(variables, (wanted) => {
      const bytes = encodeGrubEnvironment(withGrubVariables(empty, wanted));
      if (bytes.length !== 1024) return false;
      const found = decodeGrubEnvironment(bytes);
      return Object.entries(wanted).every(([key, text]) => grubVariable(found, key) === text);
    }),
  );
  t.pass();
});

test('any block that is read is written back byte for byte', (t) => {
  const part = fc.oneof(
    fc.constantFrom('A=1\n', '# a comment\n', 'a\\\nb=c\\d\n', '=x\n', 'B\xff=\xe4\n', '#', '\\', '\n', 'x'),
    value,
  );
  let read = 0;
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      const bytes = block(parts.join('').slice(0, 900));
      let environment: GrubEnvironment;
      try {
        environment = decodeGrubEnvironment(bytes);
      } catch (error) {
        return isSiltError(error, 'BOOT_STATE_INVALID');
      }
      read++;
      return Buffer.compare(encodeGrubEnvironment(environment), bytes) === 0;
    }),
    { seed: 1, numRuns: 2000 },
  );
  t.true(read > 20, `only ${read} of the blocks could be read`);
});

test('bytes that anybody could have put there are refused or read, and nothing else', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 0, maxLength: 1100 }), fc.boolean(), (noise, isBlock) => {
      const bytes = isBlock ? block(Buffer.from(noise).toString('latin1').slice(0, 990)) : noise;
      try {
        decodeGrubEnvironment(bytes);
        return true;
      } catch (error) {
        return isSiltError(error, 'BOOT_STATE_INVALID');
      }
    }),
  );
  t.pass();
});

test('setting a variable leaves comments and other variables where they are', (t) => {
  const before = decodeGrubEnvironment(block('# mine\nsaved_entry=0\nA_OK=0\nnext=\\\\x\n'));
  const after = withGrubVariables(before, { A_OK: '1', B_OK: '0' });
  t.deepEqual(after.lines, ['# mine', 'saved_entry=0', 'A_OK=1', 'next=\\\\x', 'B_OK=0']);
  t.deepEqual(withGrubVariables(after, { A_OK: undefined, B_OK: undefined }).lines, [
    '# mine',
    'saved_entry=0',
    'next=\\\\x',
  ]);
});

test('of several variables with one name the last counts, and setting it leaves one', (t) => {
  const twice = decodeGrubEnvironment(block('A=1\nB=x\nA=2\n'));
  t.is(grubVariable(twice, 'A'), '2');
  t.deepEqual(withGrubVariables(twice, { A: '3' }).lines, ['A=3', 'B=x']);
  t.is(grubVariable(twice, 'C'), undefined);
});

test('a name is not found inside another one', (t) => {
  const environment = decodeGrubEnvironment(block('AA_OK=1\nA_OK2=1\nX=A_OK=1\n'));
  t.is(grubVariable(environment, 'A_OK'), undefined);
});

test('what does not fit or cannot be written is refused', (t) => {
  const full = withGrubVariables(empty, { A: 'x'.repeat(1024 - SIGNATURE.length - 'A=\n'.length) });
  t.is(encodeGrubEnvironment(full).length, 1024);
  t.notThrows(() => decodeGrubEnvironment(encodeGrubEnvironment(full)));
  const over = withGrubVariables(full, { B: '' });
  t.throws(() => encodeGrubEnvironment(over), {
    code: 'BOOT_FAILED',
    message: /expected at most 1024 bytes/,
  });
  for (const [key, text] of [
    ['', 'x'],
    ['A B', 'x'],
    ['A=', 'x'],
    ['1A', 'x'],
    ['A', 'x\0'],
    ['A', '\u{1f600}'],
  ] as const) {
    t.throws(() => withGrubVariables(empty, { [key]: text }), { code: 'BOOT_FAILED' });
  }
});

test('a damaged block is refused with what is wrong', (t) => {
  const damage: readonly (readonly [Uint8Array, RegExp])[] = [
    [new Uint8Array(), /expected 1024 bytes, found 0/],
    [block('').subarray(1), /found 1023/],
    [Buffer.concat([block(''), Buffer.from('#')]), /found 1025/],
    [Buffer.alloc(1024), /signature/],
    [Buffer.from('#'.repeat(1024)), /signature/],
    [Buffer.concat([block('A=1\n').subarray(0, 512), Buffer.alloc(512)]), /zero bytes/],
    [block('A=1'), /line feed/],
    [block('A=1\n###\nno sign\n'), /line 4/],
    [block('A=1\\\n'), /line feed/],
    [Buffer.from(`${SIGNATURE}${'A='.padEnd(1024 - SIGNATURE.length - 1, 'x')}\\`), /line feed/],
  ];
  for (const [bytes, message] of damage) {
    t.throws(() => decodeGrubEnvironment(bytes), { code: 'BOOT_STATE_INVALID', message });
  }
});

test('a block without variables is read', (t) => {
  t.deepEqual(decodeGrubEnvironment(block('')).lines, []);
  t.deepEqual(decodeGrubEnvironment(block('# only a comment\n')).lines, ['# only a comment']);
});

const samples: readonly Record<string, string>[] = [
  { ORDER: 'A B', A_OK: '1', A_TRY: '0', B_OK: '0', B_TRY: '1' },
  { a: '', b: '#', c: '###', d: '=', e: 'x=y', f: ' spaced ' },
  { a: '\\', b: '\\\\', c: 'one\ntwo', d: 'ends\\', e: '\\n', f: '\n' },
  { a: 'x'.repeat(700), b: '\xe4\xff' },
];

grubEditenvTest('grub-editenv lists what silt has written', async (t) => {
  const path = join(await temporaryDirectory(t), 'grubenv');
  for (const sample of samples) {
    await writeFile(path, encodeGrubEnvironment(withGrubVariables(empty, sample)));
    const expected = Object.entries(sample).map(([key, text]) => `${key}=${text}\n`);
    t.is(await grubEditenv(path, 'list'), expected.join(''));
  }
});

grubEditenvTest('silt reads what grub-editenv has written, and writes the same bytes', async (t) => {
  const path = join(await temporaryDirectory(t), 'grubenv');
  for (const sample of samples.map(({ b, ...rest }) => ({
    ...rest,
    b: b === '\xe4\xff' ? 'plain' : (b ?? ''),
  }))) {
    await grubEditenv(path, 'create');
    const created = decodeGrubEnvironment(await readFile(path));
    await grubEditenv(path, 'set', ...Object.entries(sample).map(([key, text]) => `${key}=${text}`));
    const bytes = await readFile(path);
    const found = decodeGrubEnvironment(bytes);
    for (const [key, text] of Object.entries(sample)) t.is(grubVariable(found, key), text);
    t.deepEqual(Buffer.from(encodeGrubEnvironment(withGrubVariables(created, sample))), bytes);
  }
});

grubEditenvTest('setting and unsetting by turns, silt and grub-editenv stay at the same bytes', async (t) => {
  const path = join(await temporaryDirectory(t), 'grubenv');
  await grubEditenv(path, 'create');
  let ours = decodeGrubEnvironment(await readFile(path));
  const steps: readonly (readonly [string, string | undefined])[] = [
    ['A', '1'],
    ['B', 'long '.repeat(20)],
    ['C', 'c'],
    ['B', 'short'],
    ['A', 'now longer\nand with\\two lines'],
    ['B', undefined],
    ['D', ''],
    ['nothing', undefined],
    ['C', undefined],
  ];
  for (const [key, text] of steps) {
    ours = withGrubVariables(ours, { [key]: text });
    await (text === undefined ? grubEditenv(path, 'unset', key) : grubEditenv(path, 'set', `${key}=${text}`));
    t.deepEqual(Buffer.from(encodeGrubEnvironment(ours)), await readFile(path), `${key}`);
  }
});
