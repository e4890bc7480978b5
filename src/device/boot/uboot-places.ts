/**
 * Where the copies of a U-Boot environment lie. Pure: what is checked here needs no device.
 *
 * @module
 */

/** Where one copy begins. */
export interface UbootPlace {
  /** A regular file or a block device, which other partitions may be mounted from. */
  readonly path: string;
  /** In bytes; a negative one counts from the end, as in U-Boot. */
  readonly offset: number;
}

export interface UbootPlaces {
  readonly copies: readonly [UbootPlace] | readonly [UbootPlace, UbootPlace];
  /** Of each copy, in bytes, header included: CONFIG_ENV_SIZE. */
  readonly size: number;
  /** What the medium writes at once, in bytes; no two copies may share such a sector. Default 512. */
  readonly sectorSize?: number | undefined;
}

export const DEFAULT_SECTOR = 512;

/** True when two copies of `size` bytes at these offsets of one medium lie in one of its sectors, or overlap. */
export function sharesSector(one: number, other: number, size: number, sectorSize: number): boolean {
  const [low, high] = [Math.min(one, other), Math.max(one, other)];
  return Math.floor((low + size - 1) / sectorSize) >= Math.floor(high / sectorSize);
}
