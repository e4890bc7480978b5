/**
 * A large image that changes in place from release to release, as a file system in a partition does: holes, and
 * units of seeded bytes of six bits each, of which every release rewrites one in twenty. Every byte follows from
 * the numbers alone, so any release can be made again.
 *
 * @module
 */
import { createCipheriv } from 'node:crypto';
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { sha256 } from '../../src/core/digest.ts';
import { KiB } from '../../src/core/sizes.ts';

/** Bytes that are written together, and rewritten together. */
export const UNIT: number = 256 * KiB;

/** Data in the image: two units of five; the rest are holes. */
const DATA_OF_FIVE = 2;
/** Of the units with data, one in so many is new in each release. */
const NEW_ONE_IN = 20;

/** The units that release `release` (from 1 on) writes, of an image of `bytes` bytes. */
export function* unitsOf(release: number, bytes: number): Generator<number> {
  for (let unit = 0; unit * UNIT < bytes; unit += 1) {
    if (isData(unit) && (release === 1 || isNewIn(unit, release))) yield unit;
  }
}

/** Makes release 1 at `path`, or release `release` out of the one before it. Gives the bytes that were written. */
export function writeRelease(path: string, release: number, bytes: number): number {
  const file = openSync(path, release === 1 ? 'w' : 'r+');
  let written = 0;
  try {
    ftruncateSync(file, bytes);
    for (const unit of unitsOf(release, bytes)) {
      const content = contentOf(unit, release).subarray(0, bytes - unit * UNIT);
      written += writeSync(file, content, 0, content.length, unit * UNIT);
    }
  } finally {
    closeSync(file);
  }
  return written;
}

function isData(unit: number): boolean {
  return draw(`data ${unit}`, 5) < DATA_OF_FIVE;
}

function isNewIn(unit: number, release: number): boolean {
  return draw(`new ${unit} ${release}`, NEW_ONE_IN) === 0;
}

const zeros = Buffer.alloc(UNIT);

/** What stands in `unit` from `release` on. */
function contentOf(unit: number, release: number): Buffer {
  const key = sha256(Buffer.from(`unit ${unit} ${release}`));
  const bytes = createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(zeros);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  for (let i = 0; i < words.length; i += 1) words[i] = (words[i] as number) & 0x3f3f3f3f;
  return bytes;
}

function draw(question: string, limit: number): number {
  return sha256(Buffer.from(question)).readUInt32LE() % limit;
}
