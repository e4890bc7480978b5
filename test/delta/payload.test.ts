/**
 * The head of a payload.
 */
import test from 'ava';
import { decodePayload, encodePayload, MAX_DELTA_WINDOW, type Payload } from '../../src/delta/payload.ts';
import { throwsSilt } from '../support/throws-silt.ts';

test('the members of a payload are read as they were written', (t) => {
  const streams = { control: Uint8Array.of(1), difference: Uint8Array.of(2, 3), literal: Uint8Array.of(4) };
  for (const spared of [undefined, 0, 127, 128, 2 ** 42]) {
    const payload: Payload = { covers: 300, differenceLayout: 5, literalLayout: 3, spared, ...streams };
    const { control, difference, literal, ...rest } = decodePayload(encodePayload(payload));
    t.deepEqual(rest, { covers: 300, differenceLayout: 5, literalLayout: 3, spared });
    t.deepEqual([...control, ...difference, ...literal], [1, 2, 3, 4]);
  }
});

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];

const heads: Readonly<Record<string, readonly number[]>> = {
  'no byte at all': [],
  'layouts only': [1],
  'a layout of differences that there is not': [6, 0, 0, 0],
  'another one': [7, 0, 0, 0],
  'a bit that means nothing': [64, 0, 0, 0],
  'and the highest one': [128, 0, 0, 0],
  'a control stream longer than all': [1, 0, 1, 0],
  'a difference stream longer than all': [1, 0, 0, 1],
  'streams that are too long together': [1, 0, 2, 2, 0, 0, 0],
  'a number of covers beyond all windows': [1, ...varint(MAX_DELTA_WINDOW + 1), 0, 0],
  'numbers that end nowhere': [1, ...new Array<number>(20).fill(0x80)],
  'numbers of many zeros': [1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 0, 0],
  'a length of 2^53 and more': [1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0],
  'a distance of 2^53 and more': [33, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
  'a distance that is not there': [33, 0, 0, 0],
};

for (const [what, head] of Object.entries(heads)) {
  test(`refused: ${what}`, async (t) => {
    await throwsSilt(t, async () => decodePayload(Uint8Array.from(head)), 'FORMAT_INVALID');
  });
}
