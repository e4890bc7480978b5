/**
 * Reads the integers and byte runs that silt's formats are made of, never past the end and never more than
 * a named limit allows. Every complaint is a FORMAT_INVALID that names the format, the field and the place.
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';

export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  #at = 0;

  /** @param what the thing being read, as an error names it: `index head`, `pack trailer` */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
  }

  get left(): number {
    return this.#bytes.byteLength - this.#at;
  }

  /** The error for a field that holds what it must not. */
  invalid(field: string, expected: string, found: string | number): SiltError {
    return new SiltError(
      'FORMAT_INVALID',
      `${this.#what}: expected ${expected} for ${field} at byte ${this.#at}, found ${found}`,
      { details: { what: this.#what, field, at: this.#at } },
    );
  }

  #need(count: number, field: string): void {
    if (count > this.left) {
      throw this.invalid(field, `${count} more bytes`, `the end after ${this.left}`);
    }
  }

  u8(field: string): number {
    this.#need(1, field);
    const value = this.#view.getUint8(this.#at);
    this.#at += 1;
    return value;
  }

  u16(field: string): number {
    this.#need(2, field);
    const value = this.#view.getUint16(this.#at, true);
    this.#at += 2;
    return value;
  }

  u32(field: string): number {
    this.#need(4, field);
    const value = this.#view.getUint32(this.#at, true);
    this.#at += 4;
    return value;
  }

  /** 48-bit little-endian integer: exact as a number. */
  u48(field: string): number {
    this.#need(6, field);
    const low = this.#view.getUint32(this.#at, true);
    const high = this.#view.getUint16(this.#at + 4, true);
    this.#at += 6;
    return high * 2 ** 32 + low;
  }

  /** 64-bit little-endian integer that must lie below 2^53. */
  u64(field: string): number {
    this.#need(8, field);
    const value = this.#view.getBigUint64(this.#at, true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw this.invalid(field, 'less than 2^53', `${value}`);
    this.#at += 8;
    return Number(value);
  }

  /**
   * Unsigned LEB128, at most `limit`. Only the shortest form is accepted, so a value has one encoding.
   */
  varint(field: string, limit: number = Number.MAX_SAFE_INTEGER): number {
    let value = 0;
    let scale = 1;
    let at = this.#at;
    for (let count = 1; ; count++) {
      if (at >= this.#bytes.byteLength) throw this.invalid(field, 'a whole varint', 'the end');
      const byte = this.#bytes[at++] as number;
      value += (byte & 0x7f) * scale;
      if (value > limit) throw this.invalid(field, `at most ${limit}`, value);
      if (byte < 0x80) {
        if (byte === 0 && count > 1) throw this.invalid(field, 'the shortest varint', 'a padded one');
        break;
      }
      if (count === 8) throw this.invalid(field, 'at most 8 bytes of varint', 'more');
      scale *= 128;
    }
    this.#at = at;
    return value;
  }

  /** The next `count` bytes, as a view. */
  bytes(count: number, field: string): Uint8Array {
    this.#need(count, field);
    const value = this.#bytes.subarray(this.#at, this.#at + count);
    this.#at += count;
    return value;
  }

  /** A length byte and that many characters of printable ASCII. */
  name(field: string): string {
    const raw = this.bytes(this.u8(field), field);
    const text = Buffer.from(raw).toString('latin1');
    if (!/^[\x21-\x7e]+$/.test(text)) throw this.invalid(field, 'printable ASCII', JSON.stringify(text));
    return text;
  }

  /**
   * Checks magic and version, the first ten bytes of every binary format.
   *
   * @throws SiltError FORMAT_INVALID for another magic, FORMAT_UNSUPPORTED for another version
   */
  preamble(magic: string, version: number): void {
    const found = this.left >= magic.length ? this.bytes(magic.length, 'magic') : new Uint8Array();
    if (Buffer.from(found).toString('latin1') !== magic) {
      throw new SiltError(
        'FORMAT_INVALID',
        `${this.#what}: expected the magic "${magic}", found something else; this is not a silt ${this.#what}`,
        { details: { what: this.#what } },
      );
    }
    const foundVersion = this.u16('version');
    if (foundVersion !== version) {
      throw new SiltError(
        'FORMAT_UNSUPPORTED',
        `${this.#what}: this silt reads format version ${version}, found version ${foundVersion}; update silt`,
        { details: { what: this.#what, expected: version, found: foundVersion } },
      );
    }
  }

  /** Nothing may follow. */
  end(): void {
    if (this.left !== 0) throw this.invalid('the end', 'no more bytes', `${this.left} more`);
  }
}
