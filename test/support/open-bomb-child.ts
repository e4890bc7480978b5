/**
 * Tries to open the frame that comes on stdin, again and again, and prints what it threw and by how many bytes
 * the peak of memory grew: in a process of its own, since other tests share that of a test.
 *
 * @module
 */
import { buffer } from 'node:stream/consumers';
import { isSiltError } from '../../src/core/errors.ts';
import { openFrame, tagOf } from '../../src/format/frame.ts';
import { peakMemoryOf } from '../../src/io/peak-memory.ts';

const [codec, plain] = process.argv.slice(2).map(Number) as [number, number];
const stored = await buffer(process.stdin);
const peak = (): number => peakMemoryOf('self') ?? 0;
const before = peak();
const codes = new Set<string>();
for (let round = 0; round < 20; round++) {
  try {
    openFrame({ plain, codec, tag: tagOf(stored) }, stored);
    codes.add('opened');
  } catch (error) {
    codes.add(isSiltError(error) ? error.code : String(error));
  }
}
process.stdout.write(JSON.stringify({ codes: [...codes], grown: peak() - before }));
