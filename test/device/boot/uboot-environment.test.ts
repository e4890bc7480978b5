import { crc32 } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import {
  decodeEnvironment,
  encodeEnvironment,
  isIntact,
  MAX_ENVIRONMENT_BYTES,
} from '../../../src/device/boot/uboot-environment.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

const SEED = 20261122;
const WHERE = 'a test';

/** Any bytes but zero, one a character; for names no `=` either. */
const value = fc
  .uint8Array({ maxLength: 40 })
  .map((bytes) => Buffer.from(bytes.filter((byte) => byte !== 0)).toString('latin1'));
const name = value.map((text) => text.replaceAll('=', '-')).filter((text) => text !== '');
const variables = fc
  .uniqueArray(fc.tuple(name, value), { maxLength: 20, selector: ([key]) => key })
  .map((entries) => new Map(entries));
const generation = fc.option(fc.integer({ min: 0, max: 255 }), { nil: undefined });

/** One copy with `data` behind a right CRC. */
function sealed(data: string | Uint8Array, redundant = false): Uint8Array {
  const content = Buffer.from(data as string, 'latin1');
  const head = Buffer.alloc(redundant ? 5 : 4);
  head.writeUInt32LE(crc32(content));
  return Buffer.concat([head, content]);
}

test('what was encoded is decoded, name by name, in its order', (t) => {
  fc.assert(
    fc.property(variables, generation, fc.integer({ min: 2048, max: 4096 }), (map, number, size) => {
      const bytes = encodeEnvironment({ generation: number, variables: map }, size);
      const found = decodeEnvironment(bytes, number !== undefined, WHERE);
      return (
        bytes.length === size &&
        found.generation === number &&
        JSON.stringify([...found.variables]) === JSON.stringify([...map])
      );
    }),
    { seed: SEED, numRuns: 300 },
  );
  t.pass();
});

test('what was decoded is encoded byte by byte', (t) => {
  fc.assert(
    fc.property(variables, generation, (map, number) => {
      const bytes = encodeEnvironment({ generation: number, variables: map }, 2048);
      const again = encodeEnvironment(decodeEnvironment(bytes, number !== undefined, WHERE), bytes.length);
      return Buffer.compare(bytes, again) === 0;
    }),
    { seed: SEED, numRuns: 300 },
  );
  t.pass();
});

test('the smallest size that has room is enough, and one byte less is refused', async (t) => {
  const map = new Map([
    ['a', '1'],
    ['bc', ''],
  ]);
  for (const [number, size] of [
    [undefined, 4 + 4 + 4 + 1],
    [7, 5 + 4 + 4 + 1],
  ] as const) {
    const bytes = encodeEnvironment({ generation: number, variables: map }, size);
    t.deepEqual(decodeEnvironment(bytes, number !== undefined, WHERE).variables, map);
    const error = await throwsSilt(
      t,
      async () => encodeEnvironment({ generation: number, variables: map }, size - 1),
      'BOOT_FAILED',
    );
    t.regex(error.message, /remove/);
  }
});

test('a flipped bit anywhere but in the generation breaks a copy', (t) => {
  const bytes = encodeEnvironment({ generation: 9, variables: new Map([['a', '1']]) }, 64);
  t.true(isIntact(bytes, true));
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const flipped = bytes.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    t.is(isIntact(flipped, true), bit >> 3 === 4, `bit ${bit}`);
  }
});

test('names and values that cannot be stored are refused', async (t) => {
  for (const [key, text] of [
    ['', 'x'],
    ['a=b', 'x'],
    ['a\0', 'x'],
    ['\u{1f980}', 'x'],
    ['a', 'x\0y'],
    ['a', '\u0100'],
  ] as const) {
    const environment = { generation: undefined, variables: new Map([[key, text]]) };
    await throwsSilt(t, async () => encodeEnvironment(environment, 512), 'BOOT_FAILED');
  }
});

test('a hostile environment with a right CRC is refused, with the reason', async (t) => {
  const cases: readonly [string, Uint8Array, RegExp][] = [
    ['no end', sealed('a=1\0b=2\0'), /zero byte to end/],
    ['no end of the last value', sealed('a=1\0b=22222'), /zero byte to end/],
    ['no byte of zero at all', sealed('a'.repeat(100)), /zero byte to end/],
    ['no =', sealed('a=1\0plain\0c=3\0\0\0'), /name=value, found "plain"/],
    ['no = before the end of the text', sealed('plain\0c=3\0\0\0'), /name=value, found "plain"/],
    ['no name', sealed('=1\0\0\0\0'), /name=value, found "=1"/],
    ['a name twice', sealed('a=1\0b=2\0a=3\0\0'), /"a" twice/],
    [
      'a long text that would flood a terminal',
      sealed(`\x1b[2J${'x'.repeat(5000)}\0\0`),
      /"\\u001b\[2Jx{36}"/,
    ],
    ['too large', sealed(Buffer.alloc(MAX_ENVIRONMENT_BYTES)), /at most 1048576 bytes/],
    ['too small', new Uint8Array(5), /CRC32/],
    ['nothing', new Uint8Array(0), /CRC32/],
    ['zeros', new Uint8Array(512), /CRC32/],
    ['erased flash', new Uint8Array(512).fill(0xff), /CRC32/],
  ];
  for (const [what, bytes, why] of cases) {
    const error = await throwsSilt(
      t,
      async () => decodeEnvironment(bytes, false, WHERE),
      'BOOT_STATE_INVALID',
    );
    t.regex(error.message, why, what);
    t.true(error.message.length < 400, what);
  }
});

test("what lies behind the end is nobody's business, as for U-Boot", (t) => {
  const bytes = sealed(`a=1\0\0${'\xff'.repeat(20)}`, true);
  t.deepEqual([...decodeEnvironment(bytes, true, WHERE).variables], [['a', '1']]);
});

test('no bytes make the decoder fail in another way', (t) => {
  const hostile = fc
    .array(fc.constantFrom(0, 0, 0x3d, 0x41, 0x42, 0xff), { maxLength: 60 })
    .map((bytes) => sealed(Uint8Array.from(bytes)));
  fc.assert(
    fc.property(hostile, (bytes) => {
      try {
        const { variables: found } = decodeEnvironment(bytes, false, WHERE);
        // What is accepted can be written again.
        return (
          decodeEnvironment(
            encodeEnvironment({ generation: undefined, variables: found }, bytes.length),
            false,
            WHERE,
          ).variables.size === found.size
        );
      } catch (error) {
        return (error as { code?: unknown }).code === 'BOOT_STATE_INVALID';
      }
    }),
    { seed: SEED, numRuns: 2000 },
  );
  t.pass();
});
