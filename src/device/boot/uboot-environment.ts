/**
 * The environment of U-Boot as it lies on the medium, in bytes and out of them.
 *
 *     crc32        4 bytes, little-endian, of everything after the header
 *     generation   1 byte, only where there are two copies; the CRC does not cover it
 *     variables    name=value, each with a zero byte behind it; one more zero byte ends them
 *     rest         up to the size of the environment: zeros when U-Boot, fw_setenv or we wrote it; nobody reads it
 *
 * (U-Boot: include/env_internal.h, env/common.c.) Names and values are bytes; here one character stands for one
 * byte (latin1), so that a variable of somebody else survives whatever its encoding is. U-Boot and this decoder
 * must never see different variables in the same bytes: what has two readings is refused.
 *
 * @module
 */
import { crc32 } from 'node:zlib';
import { SiltError } from '../../core/errors.ts';
import { MiB } from '../../core/sizes.ts';

/** The largest environment that is read, in bytes; U-Boot's usual ones have 8 to 512 KiB. */
export const MAX_ENVIRONMENT_BYTES = MiB;
/** The smallest: a header, and the zero byte that ends no variables. */
export const MIN_ENVIRONMENT_BYTES = 6;

export type UbootVariables = ReadonlyMap<string, string>;

export interface UbootEnvironment {
  /** 0 to 255, where the environment has two copies; `undefined` where it has one. */
  readonly generation: number | undefined;
  /** In the order of the medium. */
  readonly variables: UbootVariables;
}

const CRC_BYTES = 4;

function headerBytes(redundant: boolean): number {
  return redundant ? CRC_BYTES + 1 : CRC_BYTES;
}

/** Whether the CRC is right; it is all that U-Boot asks before it uses a copy. */
export function isIntact(bytes: Uint8Array, redundant: boolean): boolean {
  if (bytes.length < MIN_ENVIRONMENT_BYTES) return false;
  const stored = new DataView(bytes.buffer, bytes.byteOffset, CRC_BYTES).getUint32(0, true);
  return crc32(bytes.subarray(headerBytes(redundant))) === stored;
}

/** The generation of a copy, intact or not. */
export function generationOf(bytes: Uint8Array): number {
  return bytes[CRC_BYTES] ?? 0;
}

/**
 * The environment in `bytes`, all of one copy.
 *
 * @param redundant whether the bytes have a generation
 * @param where the place they come from, for the error
 * @throws SiltError BOOT_STATE_INVALID: wrong CRC, no end, a text that is no `name=value`, a name twice
 */
export function decodeEnvironment(bytes: Uint8Array, redundant: boolean, where: string): UbootEnvironment {
  if (bytes.length > MAX_ENVIRONMENT_BYTES) {
    throw invalid(where, `expected at most ${MAX_ENVIRONMENT_BYTES} bytes, found ${bytes.length}`);
  }
  if (!isIntact(bytes, redundant))
    throw invalid(where, 'expected the CRC32 at its head to be right, it is not');
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const variables = new Map<string, string>();
  let at = headerBytes(redundant);
  while (text[at] !== 0) {
    const end = text.indexOf(0, at);
    // Past the last byte text[at] is undefined: the variables fill everything, and nothing ends them.
    if (end < 0) throw invalid(where, 'expected a zero byte to end the variables, found none');
    const equals = text.indexOf(0x3d, at);
    if (equals <= at || equals > end) {
      const found = JSON.stringify(text.toString('latin1', at, Math.min(end, at + 40)));
      throw invalid(where, `expected name=value, found ${found}`);
    }
    const name = text.toString('latin1', at, equals);
    if (variables.has(name)) throw invalid(where, `expected each name once, found ${quoted(name)} twice`);
    variables.set(name, text.toString('latin1', equals + 1, end));
    at = end + 1;
  }
  return { generation: redundant ? generationOf(bytes) : undefined, variables };
}

/**
 * The bytes of one copy, `size` of them. What was decoded from zero-padded bytes comes out as it was.
 *
 * @throws SiltError BOOT_FAILED when a name or a value cannot be written, or all of it needs more than `size`
 */
export function encodeEnvironment({ generation, variables }: UbootEnvironment, size: number): Uint8Array {
  const header = headerBytes(generation !== undefined);
  let length = header + 1;
  for (const [name, value] of variables) {
    checkVariable(name, value);
    length += name.length + value.length + 2;
  }
  if (length > size) {
    throw failed(
      `the U-Boot environment has room for ${size} bytes, but its variables need ${length}; remove some of them`,
    );
  }
  const bytes = Buffer.alloc(size);
  let at = header;
  for (const [name, value] of variables) at += bytes.write(`${name}=${value}\0`, at, 'latin1');
  bytes.writeUInt32LE(crc32(bytes.subarray(header)), 0);
  if (generation !== undefined) bytes.writeUInt8(generation, CRC_BYTES);
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

function checkVariable(name: string, value: string): void {
  if (name === '' || name.includes('=') || !isText(name)) {
    throw failed(
      `expected a name of bytes other than "=" and zero for a U-Boot variable, found ${quoted(name)}`,
    );
  }
  if (!isText(value)) {
    throw failed(
      `expected bytes other than zero in the U-Boot variable ${quoted(name)}, found ${quoted(value)}`,
    );
  }
}

/** Whether each character is one byte, and none the zero that ends a variable. */
function isText(text: string): boolean {
  return !text.includes('\0') && Buffer.from(text, 'latin1').toString('latin1') === text;
}

/** As a literal, so that nothing in it reaches a terminal raw, and at most some 40 characters of it. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text);
}

function invalid(where: string, why: string): SiltError {
  return new SiltError(
    'BOOT_STATE_INVALID',
    `the U-Boot environment in ${where} is damaged: ${why}; check offset and size, or write it anew in U-Boot (env save)`,
    { details: { where } },
  );
}

function failed(message: string): SiltError {
  return new SiltError('BOOT_FAILED', message);
}
