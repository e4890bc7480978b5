/**
 * The head of a delta in columns: like fields of all windows one after another, since they compress best so.
 * docs/format/delta.md §2.
 *
 * | field | bytes |
 * |---|---|
 * | Base: size, SHA-256 | varint, 32 |
 * | target: size, SHA-256 | varint, 32 |
 * | transforms: count, names | varint, names |
 * | check length: 0 or 8 | 1 |
 * | number of windows | varint |
 * | length of each window | varints |
 * | kind of each: 0 none, 1 zero, 2 copy, 3 + t coded with transform t | varints |
 * | of each copy: the change of its diagonal, signed | varints |
 * | of each coded one: length of the payload | varints |
 * | of each coded one: tag of the payload | 16 each |
 * | of each copied or coded one: check | 0 or 8 each |
 *
 * @module
 */
import { DIGEST_BYTES } from '../core/digest.ts';
import { SiltError } from '../core/errors.ts';
import type { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import type { DeltaHead, DeltaHeadRecord, DeltaImage, DeltaWindow, DeltaWindowSource } from './delta-file.ts';
import { TAG_BYTES } from './frame.ts';
import { MAX_DELTA_WINDOWS, MAX_IMAGE, MAX_PAYLOAD_OVERHEAD, MAX_TRANSFORMS, MAX_WINDOW } from './limits.ts';

/** Bytes of a check, where there are any. */
export const CHECK_BYTES = 8;

const NONE = 0;
const ZERO = 1;
const COPY = 2;
const CODED = 3;

/** The columns of `head`. @throws SiltError FORMAT_INVALID for more windows than any reader takes */
export function writeColumns({ base, target, transforms, windows }: DeltaHeadRecord): Uint8Array {
  if (windows.length > MAX_DELTA_WINDOWS) {
    throw new SiltError(
      'FORMAT_INVALID',
      `a delta has at most ${MAX_DELTA_WINDOWS} windows, found ${windows.length}; choose larger windows`,
      { details: { expected: MAX_DELTA_WINDOWS, found: windows.length } },
    );
  }
  const out = new ByteWriter(1024 + windows.length * 32);
  out.varint(base.size).bytes(base.digest).varint(target.size).bytes(target.digest);
  out.varint(transforms.length);
  for (const name of transforms) out.name(name);
  out.u8(windows.some(({ check }) => check !== undefined) ? CHECK_BYTES : 0).varint(windows.length);
  for (const { length } of windows) out.varint(length);
  for (const { source } of windows) out.varint(kindNumber(source));
  let offset = 0;
  let diagonal = 0;
  for (const { length, source } of windows) {
    if (source.kind === 'copy') {
      const change = source.from - offset - diagonal;
      out.varint(change < 0 ? -2 * change - 1 : 2 * change);
      diagonal += change;
    }
    offset += length;
  }
  for (const { source } of windows) if (source.kind === 'coded') out.varint(source.payload.length);
  for (const { source } of windows) if (source.kind === 'coded') out.bytes(source.payload.tag);
  for (const { check } of windows) if (check !== undefined) out.bytes(check);
  return out.finish();
}

function kindNumber(source: DeltaHeadRecord['windows'][number]['source']): number {
  switch (source.kind) {
    case 'none':
      return NONE;
    case 'zero':
      return ZERO;
    case 'copy':
      return COPY;
    case 'coded':
      return CODED + source.transform;
  }
}

/**
 * Reads the columns, checking every number against what the ones before it allow.
 *
 * @param payloadsFrom where the first payload lies in the file
 * @throws SiltError FORMAT_INVALID
 */
export function readColumns(reader: ByteReader, payloadsFrom: number): DeltaHead {
  const base = readImage(reader, 'Base');
  const target = readImage(reader, 'target');
  const transforms = readTransforms(reader);
  const checkLength = reader.u8('check length');
  if (checkLength !== 0 && checkLength !== CHECK_BYTES) {
    throw reader.invalid('check length', `0 or ${CHECK_BYTES}`, checkLength);
  }
  const count = reader.varint('number of windows', MAX_DELTA_WINDOWS);
  // Each window has two bytes at least, in the columns that come next.
  if (count * 2 > reader.left) throw reader.invalid('number of windows', `at most ${reader.left / 2}`, count);
  const lengths = readLengths(reader, count, target.size);
  const kinds = new Uint8Array(count);
  for (let i = 0; i < count; i++) kinds[i] = reader.varint('kind of window', CODED + transforms.length);
  const places = readPlaces(reader, lengths, kinds, base.size);
  const payloads = readPayloadLengths(reader, lengths, kinds);

  const windows: DeltaWindow[] = [];
  let offset = 0;
  let payloadOffset = payloadsFrom;
  const tags = reader.bytes(kinds.filter((kind) => kind >= CODED).length * TAG_BYTES, 'payload tags');
  const checks = reader.bytes(kinds.filter((kind) => kind >= COPY).length * checkLength, 'checks');
  reader.end();
  let tagAt = 0;
  let checkAt = 0;
  for (let i = 0; i < count; i++) {
    const [length, kind] = [lengths[i] as number, kinds[i] as number];
    let source: DeltaWindowSource;
    if (kind === NONE) source = { kind: 'none' };
    else if (kind === ZERO) source = { kind: 'zero' };
    else if (kind === COPY) source = { kind: 'copy', from: places[i] as number };
    else {
      const tag = tags.subarray(tagAt, tagAt + TAG_BYTES);
      const payload = { offset: payloadOffset, length: payloads[i] as number, tag };
      source = { kind: 'coded', transform: kind - CODED, payload };
      tagAt += TAG_BYTES;
      payloadOffset += payload.length;
    }
    const checked = kind >= COPY && checkLength > 0;
    const check = checked ? checks.subarray(checkAt, checkAt + checkLength) : undefined;
    if (checked) checkAt += checkLength;
    windows.push({ offset, length, check, source });
    offset += length;
  }
  return { base, target, transforms, windows };
}

function readImage(reader: ByteReader, what: string): DeltaImage {
  const size = reader.varint(`size of the ${what}`, MAX_IMAGE);
  return { size, digest: reader.bytes(DIGEST_BYTES, `digest of the ${what}`) };
}

function readTransforms(reader: ByteReader): string[] {
  const count = reader.varint('number of transforms', MAX_TRANSFORMS);
  return Array.from({ length: count }, () => reader.name('name of a transform'));
}

function readLengths(reader: ByteReader, count: number, size: number): Uint32Array {
  const lengths = new Uint32Array(count);
  let total = 0;
  for (let i = 0; i < count; i++) {
    const length = reader.varint('window length', MAX_WINDOW);
    if (length === 0) throw reader.invalid('window length', 'at least 1', 0);
    lengths[i] = length;
    total += length;
  }
  if (total !== size) throw reader.invalid('the sum of window lengths', `${size}`, total);
  return lengths;
}

/** Where each copied window lies in the Base. */
function readPlaces(
  reader: ByteReader,
  lengths: Uint32Array,
  kinds: Uint8Array,
  baseSize: number,
): Float64Array {
  const places = new Float64Array(lengths.length);
  let offset = 0;
  let diagonal = 0;
  for (let i = 0; i < lengths.length; i++) {
    const length = lengths[i] as number;
    if (kinds[i] === COPY) {
      const packed = reader.varint('place of a copy', 4 * MAX_IMAGE);
      diagonal += packed % 2 === 1 ? -(packed + 1) / 2 : packed / 2;
      const from = offset + diagonal;
      if (from < 0 || from + length > baseSize) {
        throw reader.invalid('place of a copy', `a place in the ${baseSize} bytes of the Base`, from);
      }
      places[i] = from;
    }
    offset += length;
  }
  return places;
}

function readPayloadLengths(reader: ByteReader, lengths: Uint32Array, kinds: Uint8Array): Uint32Array {
  const payloads = new Uint32Array(lengths.length);
  for (let i = 0; i < lengths.length; i++) {
    if ((kinds[i] as number) < CODED) continue;
    const length = reader.varint('payload length', (lengths[i] as number) + MAX_PAYLOAD_OVERHEAD);
    if (length === 0) throw reader.invalid('payload length', 'at least 1', 0);
    payloads[i] = length;
  }
  return payloads;
}
