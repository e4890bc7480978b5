/**
 * Images of any size out of real files, for growth with the image's size.
 *
 * An image is a row of units, taken in turn from the sources. When a source is used up it begins again, with
 * every byte sent through a permutation of the byte values that is this copy's own. A permutation b → a·b + c
 * keeps what tools live on (which stretches repeat, how often a value occurs, and, since a is odd, how often
 * a difference of two bytes occurs), but no two copies have a chunk in common.
 *
 * The new image differs from the old one in one unit of every ten, which holds what stands at the same place
 * of the newer release of its source; and in one further unit of about every forty, into which a few bytes
 * are inserted, so that all that follows moves. A smaller image is the beginning of a larger one.
 *
 * @module
 */
import { type FileHandle, open } from 'node:fs/promises';
import { sha256 } from '../../src/core/digest.ts';
import { KiB } from '../../src/core/sizes.ts';

/** Two releases of one file. */
export interface GrowSource {
  readonly old: string;
  readonly new: string;
}

export interface GrowOptions {
  /** Bytes of the old image; the new one is longer by what is inserted. */
  readonly bytes: number;
  readonly sources: readonly GrowSource[];
  /** Bytes of a unit. Default 256 KiB, so that 16 MiB have enough of them for a tenth to mean something. */
  readonly unit?: number;
}

const BLOCK = 10;
const MOST_INSERTED = 64;

/** The old or the new image, a unit at a time; each is good until the next is asked for. */
export async function* growImage(
  release: 'old' | 'new',
  { bytes, sources, unit = 256 * KiB }: GrowOptions,
): AsyncGenerator<Uint8Array> {
  await using files = new AsyncDisposableStack();
  const opened: OpenSource[] = [];
  for (const source of sources) opened.push(await openSource(source, unit, files));
  const buffer = new Uint8Array(unit);
  for (let at = 0; at * unit < bytes; at += 1) {
    const source = opened[at % opened.length]!;
    const turn = Math.floor(at / opened.length);
    const change = release === 'old' ? 'none' : changeOf(at);
    const file = change === 'update' ? source.new : source.old;
    await readFully(file, buffer, (turn % source.units) * unit);
    permute(buffer, Math.floor(turn / source.units));
    const whole = buffer.subarray(0, Math.min(unit, bytes - at * unit));
    if (change === 'insert') yield* inserted(whole, at);
    else yield whole;
  }
}

/** What the new release does to the unit number `at`. */
export function changeOf(at: number): 'none' | 'update' | 'insert' {
  const block = Math.floor(at / BLOCK);
  const updated = draw(`update ${block}`, BLOCK);
  if (at % BLOCK === updated) return 'update';
  const other = (updated + 1 + draw(`place ${block}`, BLOCK - 1)) % BLOCK;
  return at % BLOCK === other && draw(`insert ${block}`, 4) === 0 ? 'insert' : 'none';
}

/** Sends every byte through the permutation of the copy; that of copy 0 changes nothing. */
export function permute(bytes: Uint8Array, copy: number): void {
  if (copy === 0) return;
  // Odd factors and all summands make 32,768 permutations; the step walks through them without repeating.
  const number = (copy * 20_011) % 32_768;
  const factor = 2 * (number >> 8) + 1;
  const table = Uint8Array.from({ length: 256 }, (_, byte) => factor * byte + number);
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = table[bytes[i]!]!;
}

interface OpenSource {
  readonly old: FileHandle;
  readonly new: FileHandle;
  /** Whole units that both releases have. */
  readonly units: number;
}

async function openSource(
  source: GrowSource,
  unit: number,
  files: AsyncDisposableStack,
): Promise<OpenSource> {
  const old = files.use(await open(source.old));
  const next = files.use(await open(source.new));
  const units = Math.floor(Math.min((await old.stat()).size, (await next.stat()).size) / unit);
  if (units === 0) throw new Error(`expected a file of at least ${unit} bytes, ${source.old} has fewer`);
  return { old, new: next, units };
}

async function readFully(file: FileHandle, into: Uint8Array, from: number): Promise<void> {
  for (let done = 0; done < into.length; ) {
    const { bytesRead } = await file.read(into, done, into.length - done, from + done);
    if (bytesRead === 0) throw new Error('a source of the image became shorter while it was read');
    done += bytesRead;
  }
}

function* inserted(unit: Uint8Array, at: number): Generator<Uint8Array> {
  const place = draw(`cut ${at}`, unit.length);
  yield unit.subarray(0, place);
  const digest = sha256(Buffer.from(`first half ${at}`));
  const more = Buffer.concat([digest, sha256(digest)]);
  yield more.subarray(0, 1 + draw(`length ${at}`, MOST_INSERTED));
  yield unit.subarray(place);
}

/** A number from 0 up to, not including, `limit`, which the question alone decides. */
function draw(question: string, limit: number): number {
  return sha256(Buffer.from(question)).readUInt32LE() % limit;
}
