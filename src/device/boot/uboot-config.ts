/**
 * `fw_env.config`, in which devices already say where the environment of U-Boot lies: one line a copy, with the
 * device, its offset, its size, and perhaps the size of a sector and the number of sectors.
 *
 *     /dev/mmcblk0    0x400000    0x4000    0x200
 *
 * As fw_printenv reads it: the offset in decimal, or hexadecimal after `0x`; the sizes hexadecimal with or without.
 *
 * @module
 */
import { SiltError } from '../../core/errors.ts';
import type { UbootPlace, UbootPlaces } from './uboot-places.ts';

interface Line extends UbootPlace {
  readonly size: number;
  readonly sectorSize: number | undefined;
}

/**
 * The places that the text names.
 *
 * @param name of the file, for the error
 * @throws SiltError CONFIG_INVALID, with the line
 */
export function parseFwEnvConfig(text: string, name: string): UbootPlaces {
  const lines: Line[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const content = line.replace(/#.*/, '').trim();
    if (content !== '') lines.push(parseLine(content, `${name}:${index + 1}`));
  }
  const [first, second, ...more] = lines;
  if (first === undefined || more.length > 0) {
    throw invalid(name, `one line or two, one a copy of the environment, found ${lines.length}`);
  }
  const copies: UbootPlaces['copies'] = second === undefined ? [first] : [first, second];
  if (second !== undefined && second.size !== first.size) {
    throw invalid(name, `two copies of one size, found ${first.size} and ${second.size} bytes`);
  }
  const sector = Math.max(first.sectorSize ?? 0, second?.sectorSize ?? 0);
  return { copies, size: first.size, sectorSize: sector === 0 ? undefined : sector };
}

function parseLine(line: string, where: string): Line {
  const [path = '', offset = '', size = '', sector, sectors] = line.split(/\s+/);
  if (!path.startsWith('/')) throw invalid(where, `the absolute path of a device or a file, found "${path}"`);
  // A leading zero would mean octal to fw_printenv, which nobody means.
  const isOffset = /^-?(0x[0-9a-f]{1,12}|0|[1-9][0-9]{0,13})$/i.test(offset);
  if (!isOffset) throw invalid(where, `an offset such as 0x400000, found "${offset}"`);
  for (const found of [size, sector, sectors]) {
    if (found !== undefined && !/^(0x)?[0-9a-f]{1,12}$/i.test(found)) {
      throw invalid(where, `a size in hexadecimal such as 0x4000, found "${found}"`);
    }
  }
  const sectorSize = sector === undefined ? undefined : Number.parseInt(sector, 16);
  const magnitude = Number(offset.replace('-', ''));
  return {
    path,
    offset: offset.startsWith('-') ? -magnitude : magnitude,
    size: Number.parseInt(size, 16),
    sectorSize,
  };
}

function invalid(where: string, what: string): SiltError {
  return new SiltError('CONFIG_INVALID', `${where}: expected ${what}; see fw_env.config of fw_printenv(8)`, {
    details: { where },
  });
}
