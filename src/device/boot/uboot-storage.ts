/**
 * Where the environment of U-Boot lies: in a file or on a block device, once or twice.
 *
 * With two copies a power cut never loses the environment. The copy that U-Boot would use is never touched: a
 * change goes, whole, into the other one with the next generation, and is synced; until its last byte is on the
 * medium its CRC is wrong, and U-Boot uses the old copy, which has been synced before. A single copy is written in place: **it is not safe
 * from power cuts**, since a torn one makes U-Boot take the environment it was built with. Configure two.
 *
 * Which copy counts is decided as U-Boot does it (env/common.c, env_check_redund): by CRC and generation, and
 * by nothing else. The variables of that one copy are then read or refused; the other one is never a second guess.
 *
 * Nothing here locks: fw_setenv, run at the same time, may undo a change or have its own undone, so keep one
 * writer. Raw flash (`/dev/mtd0`, UBI volumes) must be erased by calls that Node does not have, and is refused.
 *
 * @module
 */
import { realpathSync } from 'node:fs';
import { isSiltError, SiltError } from '../../core/errors.ts';
import { ioError } from '../../io/io-error.ts';
import { SourceFile } from '../../io/source-file.ts';
import { TargetFile } from '../../io/target-file.ts';
import {
  decodeEnvironment,
  encodeEnvironment,
  generationOf,
  isIntact,
  MAX_ENVIRONMENT_BYTES,
  MIN_ENVIRONMENT_BYTES,
  type UbootVariables,
} from './uboot-environment.ts';
import { DEFAULT_SECTOR, sharesSector, type UbootPlace, type UbootPlaces } from './uboot-places.ts';

/** @returns which of two intact copies U-Boot uses, by their generations: the higher one, and 0 after 255 */
export function newerCopy(first: number, second: number): 0 | 1 {
  if (first === 255 && second === 0) return 1;
  if (first === 0 && second === 255) return 0;
  return second > first ? 1 : 0;
}

interface Current {
  readonly variables: UbootVariables;
  readonly generation: number | undefined;
  /** Which of the places it was read from. */
  readonly copy: number;
}

export class UbootStorage {
  readonly #places: readonly UbootPlace[];
  readonly #size: number;

  private constructor(places: readonly UbootPlace[], size: number) {
    this.#places = places;
    this.#size = size;
  }

  /**
   * Finds the places; reads nothing yet.
   *
   * @throws SiltError CONFIG_INVALID for numbers out of range and copies that share a sector, IO_FAILED
   */
  static open({ copies, size, sectorSize = DEFAULT_SECTOR }: UbootPlaces): UbootStorage {
    if (!isCount(size, MIN_ENVIRONMENT_BYTES, MAX_ENVIRONMENT_BYTES)) {
      throw config(
        `expected ${MIN_ENVIRONMENT_BYTES} to ${MAX_ENVIRONMENT_BYTES} bytes as the size of the U-Boot environment, found ${size}`,
      );
    }
    if (!isCount(sectorSize, 1, Number.MAX_SAFE_INTEGER)) {
      throw config(`expected a positive sector size of the U-Boot environment, found ${sectorSize}`);
    }
    const places = copies.map(locate);
    const [first, second] = places;
    if (first !== undefined && second?.path === first.path) {
      if (sharesSector(first.offset, second.offset, size, sectorSize)) {
        throw config(
          `the two copies of the U-Boot environment in ${first.path} share a sector of ${sectorSize} bytes, so a power cut could lose both; check offsets and size`,
        );
      }
    }
    return new UbootStorage(places, size);
  }

  /** The variables that U-Boot would use. @throws SiltError BOOT_STATE_INVALID, IO_FAILED */
  read(): UbootVariables {
    return this.#current().variables;
  }

  /**
   * Changes the variables by one write; writes nothing when they stay the same. Durable when it returns. Nothing
   * else of this process can come between reading and writing.
   *
   * @throws SiltError BOOT_STATE_INVALID, BOOT_FAILED when there is no room, IO_FAILED; with two copies U-Boot
   *   then goes on with what it had, unless it was the last step, the sync, that failed
   */
  update(change: (variables: UbootVariables) => UbootVariables): void {
    const { variables, generation, copy } = this.#current();
    // Who wrote it may have been killed before its sync. As long as it is not on the medium the other copy is the
    // only one, and must not be touched.
    this.#at(copy, (file) => file.sync());
    const changed = change(variables);
    if (isSame(variables, changed)) return;
    const isSingle = generation === undefined;
    const next = { variables: changed, generation: isSingle ? undefined : (generation + 1) % 256 };
    const bytes = encodeEnvironment(next, this.#size);
    this.#at(isSingle ? copy : 1 - copy, (file, place) => {
      if (place.offset + bytes.length > file.initialSize) throw this.#tooShort(place, file.initialSize);
      file.write(place.offset, bytes);
      file.sync();
    });
  }

  /** Opens where a copy lies, for writing. */
  #at(copy: number, use: (file: TargetFile, place: UbootPlace) => void): void {
    const place = this.#places[copy] as UbootPlace;
    const file = TargetFile.open(place.path, false, { shared: true });
    try {
      use(file, place);
    } finally {
      file.close();
    }
  }

  #current(): Current {
    const redundant = this.#places.length === 2;
    const copies = this.#places.map((place) => this.#readCopy(place));
    const intact = copies.map((bytes) => bytes !== undefined && isIntact(bytes, redundant));
    if (!intact.includes(true)) {
      throw new SiltError(
        'BOOT_STATE_INVALID',
        `expected a U-Boot environment in ${this.#places.map(named).join(' or ')}, found none with a right CRC32; check offset and size, or write one in U-Boot (env save)`,
      );
    }
    let copy = intact.indexOf(true);
    const [first, second] = copies;
    if (first !== undefined && second !== undefined && !intact.includes(false)) {
      copy = newerCopy(generationOf(first), generationOf(second));
    }
    const where = named(this.#places[copy] as UbootPlace);
    return { ...decodeEnvironment(copies[copy] as Uint8Array, redundant, where), copy };
  }

  /** `undefined` for one that the medium cannot read: a cut in the middle of a sector may leave it so. */
  #readCopy(place: UbootPlace): Uint8Array | undefined {
    const file = SourceFile.open(place.path);
    try {
      const bytes = new Uint8Array(this.#size);
      const found = file.read(place.offset, bytes);
      if (found < bytes.length) throw this.#tooShort(place, place.offset + found);
      return bytes;
    } catch (error) {
      if (isSiltError(error) && error.details.systemError === 'EIO') return undefined;
      throw error;
    } finally {
      file.close();
    }
  }

  #tooShort(place: UbootPlace, end: number): SiltError {
    return new SiltError(
      'BOOT_STATE_INVALID',
      `expected ${this.#size} bytes of U-Boot environment in ${named(place)}, but it ends at ${end}; check offset and size`,
      { details: { path: place.path, offset: place.offset, size: this.#size } },
    );
  }
}

/** The place by its real path and from its beginning, so that two names of one device are seen to be one. */
function locate({ path, offset }: UbootPlace): UbootPlace {
  if (/^\/dev\/(mtd\d|ubi)/.test(path)) {
    throw config(`${path} is raw flash, which silt cannot erase; expected a file or a block device`);
  }
  if (!Number.isSafeInteger(offset)) {
    throw config(`expected a whole number of bytes as the offset in ${path}, found ${offset}`);
  }
  let real: string;
  try {
    real = realpathSync(path);
  } catch (error) {
    throw ioError(error, 'open', path);
  }
  if (offset >= 0) return { path: real, offset };
  const file = SourceFile.open(real);
  file.close();
  if (file.size + offset < 0) {
    throw config(`the offset ${offset} lies before the beginning of ${path}, which has ${file.size} bytes`);
  }
  return { path: real, offset: file.size + offset };
}

function isSame(a: UbootVariables, b: UbootVariables): boolean {
  return a.size === b.size && [...a].every(([name, value]) => b.get(name) === value);
}

function isCount(value: number, low: number, high: number): boolean {
  return Number.isSafeInteger(value) && value >= low && value <= high;
}

function named({ path, offset }: UbootPlace): string {
  return `${path} at ${offset}`;
}

function config(message: string): SiltError {
  return new SiltError('CONFIG_INVALID', message);
}
