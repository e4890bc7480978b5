/**
 * The Floor: the lowest release counter that a device accepts of a product. It lies outside the slots, in two
 * copies that are replaced one after the other, and it only rises, and only when told to. docs/format/trust.md.
 *
 * @module
 */
import { join } from 'node:path';
import * as v from 'valibot';
import { sha256Hex } from '../core/digest.ts';
import { isSiltError, SiltError } from '../core/errors.ts';
import { canonicalJson } from '../format/canonical-json.ts';
import { parseDocument } from '../format/document.ts';
import { NAME_PATTERN } from '../format/manifest.ts';
import { makeDirectory, replaceFile } from '../io/atomic.ts';
import { withLock } from '../io/lock-file.ts';
import { readSmallFile } from '../io/read-small-file.ts';
import { sweepTemporaries } from '../io/temporary-name.ts';

export interface Floor {
  /**
   * The Floor of a product; 0 when there never was one.
   *
   * @throws SiltError FLOOR_DAMAGED when no copy is whole and there is at least one, IO_FAILED
   */
  read(product: string): Promise<number>;

  /**
   * Makes `counter` the Floor unless it is as high already, and repairs a copy that is damaged or missing.
   *
   * @param options `anew`: where no copy is whole, begin again with `counter`
   * @returns the Floor from now on
   * @throws SiltError as {@link Floor.read}, USAGE for what is no counter, LOCKED, NO_SPACE
   */
  raise(product: string, counter: number, options?: { readonly anew?: boolean }): Promise<number>;
}

const FLOOR_FORMAT = 'silt-floor';
const FLOOR_VERSION = 1;
/** A copy has some 250 bytes, 128 of them the name of the product at most. */
const MAX_FLOOR_BYTES = 1024;

const floorSchema = v.object({
  format: v.literal(FLOOR_FORMAT),
  formatVersion: v.literal(FLOOR_VERSION),
  product: v.pipe(v.string(), v.regex(NAME_PATTERN)),
  counter: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  sha256: v.string(),
});

/** What is found of a copy: its counter, nothing, or why it does not count. */
type Copy = { readonly counter: number } | { readonly problem: SiltError } | undefined;

/** The floors kept in `directory`, which is made when the first one is raised. */
export function openFloor(directory: string): Floor {
  return {
    async read(product) {
      return highest(directory, product, await readCopies(directory, product));
    },
    async raise(product, counter, { anew = false } = {}) {
      if (!Number.isSafeInteger(counter) || counter < 1) {
        throw new SiltError('USAGE', `expected a counter, a whole number from 1 up, found ${counter}`);
      }
      const paths = copyPaths(directory, product);
      await makeDirectory(directory, { again: true });
      await sweepTemporaries(directory);
      // Of two that raise at once, the lower must not be the last to write.
      return await withLock(`${paths[0]}.lock`, { durable: true }, async () => {
        const copies = await readCopies(directory, product);
        const damaged = copies.every((copy) => copy === undefined || 'problem' in copy);
        const before = damaged && anew ? 0 : highest(directory, product, copies);
        const floor = Math.max(before, counter);
        const bytes = encodeFloor(product, floor);
        for (const { path, copy } of worstFirst(paths, copies)) {
          if (countOf(copy) !== floor) await replaceFile(path, bytes);
        }
        return floor;
      });
    },
  };
}

const countOf = (copy: Copy): number => (copy !== undefined && 'counter' in copy ? copy.counter : 0);

/** The best copy stays as it is until another one is better. */
function worstFirst(paths: readonly string[], copies: readonly Copy[]): { path: string; copy: Copy }[] {
  return paths
    .map((path, i) => ({ path, copy: copies[i] }))
    .sort((one, other) => countOf(one.copy) - countOf(other.copy));
}

function highest(directory: string, product: string, copies: readonly Copy[]): number {
  const floor = Math.max(...copies.map(countOf));
  const problem = copies.find((copy) => copy !== undefined && 'problem' in copy);
  // A copy that is there shows that there was a floor: 0 would let every old release in.
  if (floor > 0 || problem === undefined || !('problem' in problem)) return floor;
  throw new SiltError(
    'FLOOR_DAMAGED',
    `the floor of ${product} in ${directory} is damaged in every copy (${problem.problem.message}); set it anew ` +
      `with "silt floor raise --product ${product} --counter N", N being the counter of the release that runs`,
    { details: { directory, product }, cause: problem.problem },
  );
}

async function readCopies(directory: string, product: string): Promise<Copy[]> {
  const copies: Copy[] = [];
  for (const path of copyPaths(directory, product)) copies.push(await readCopy(path, product));
  return copies;
}

async function readCopy(path: string, product: string): Promise<Copy> {
  try {
    const bytes = await readSmallFile(path, MAX_FLOOR_BYTES);
    return bytes && { counter: decodeFloor(bytes, product) };
  } catch (error) {
    // Who may not read it cannot tell what it is; a medium that fails has damaged this copy alone.
    const unreadable =
      isSiltError(error) && /^(EACCES|EPERM|EMFILE|ENFILE)$/.test(`${error.details.systemError}`);
    if (unreadable || !isSiltError(error)) throw error;
    return { problem: error };
  }
}

function encodeFloor(product: string, counter: number): Uint8Array {
  const members = { format: FLOOR_FORMAT, formatVersion: FLOOR_VERSION, product, counter };
  return Buffer.from(canonicalJson({ ...members, sha256: sha256Hex(Buffer.from(canonicalJson(members))) }));
}

/** @throws SiltError FORMAT_INVALID, FORMAT_UNSUPPORTED unless it is exactly what {@link encodeFloor} makes */
function decodeFloor(bytes: Uint8Array, product: string): number {
  const kind = { what: 'floor', format: FLOOR_FORMAT, versions: [FLOOR_VERSION], limit: MAX_FLOOR_BYTES };
  const { counter } = parseDocument(bytes, floorSchema, kind);
  if (Buffer.compare(encodeFloor(product, counter), bytes) !== 0) {
    throw new SiltError('FORMAT_INVALID', 'floor: its digest or its product is another');
  }
  return counter;
}

/** Two products stay apart on a file system that does not tell `Router` from `router`. */
function copyPaths(directory: string, product: string): readonly [string, string] {
  if (!NAME_PATTERN.test(product)) {
    throw new SiltError('USAGE', `expected the name of a product, found "${product}"`);
  }
  const lower = product.toLowerCase();
  const name = lower === product ? product : `${lower}=${sha256Hex(Buffer.from(product)).slice(0, 16)}`;
  return [join(directory, `${name}.a`), join(directory, `${name}.b`)];
}
