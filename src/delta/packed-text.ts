/**
 * Pieces of a Base, one behind the other as one text, and the way between places in the one and the other.
 *
 * @module
 */
import type { BaseReader } from './base-reader.ts';
import type { MatchList } from './match-list.ts';

export class PackedText {
  /** Bytes in all. */
  readonly length: number;
  readonly #pieces: Float64Array;
  /** Where each piece begins in the text; one entry more says where the last one ends. */
  readonly #starts: Float64Array;

  /** @param pieces start and end of each piece of the Base, ascending */
  constructor(pieces: Float64Array) {
    const count = pieces.length / 2;
    this.#pieces = pieces;
    this.#starts = new Float64Array(count + 1);
    let at = 0;
    for (let i = 0; i < count; i++) {
      this.#starts[i] = at;
      at += (pieces[2 * i + 1] as number) - (pieces[2 * i] as number);
    }
    this.#starts[count] = at;
    this.length = at;
  }

  /** Reads the pieces; what the Base does not have any more is zero. */
  read(base: BaseReader, into: Uint8Array): void {
    for (let i = 0; 2 * i < this.#pieces.length; i++) {
      const part = into.subarray(this.#starts[i] as number, this.#starts[i + 1] as number);
      const count = base.read(this.#pieces[2 * i] as number, part);
      part.fill(0, count);
    }
  }

  /** The place in the text that holds the byte of the Base at `from`, or is nearest to it. */
  placeOf(from: number): number {
    let low = 0;
    let high = this.#starts.length - 2;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#pieces[2 * middle] as number) <= from) low = middle;
      else high = middle - 1;
    }
    const start = this.#pieces[2 * low] as number;
    const end = this.#pieces[2 * low + 1] as number;
    return (this.#starts[low] as number) + Math.max(0, Math.min(end, from) - start);
  }

  /** True when the Base's byte at `from` is in the text. */
  has(from: number): boolean {
    const place = this.placeOf(from);
    return place < this.length && this.baseAt(place) === from;
  }

  /** Where the byte at `place` is in the Base. */
  baseAt(place: number): number {
    const piece = this.#pieceAt(place);
    return (this.#pieces[2 * piece] as number) + place - (this.#starts[piece] as number);
  }

  /** Adds a match with the text to the list as one with the Base, or several where it goes over an edge. */
  addMatch(list: MatchList, at: number, place: number, length: number): void {
    let done = 0;
    for (let piece = this.#pieceAt(place); done < length; piece++) {
      const start = this.#starts[piece] as number;
      const part = Math.min(length - done, (this.#starts[piece + 1] as number) - (place + done));
      if (part > 0) list.add(at + done, (this.#pieces[2 * piece] as number) + place + done - start, part);
      done += part;
    }
  }

  #pieceAt(place: number): number {
    let low = 0;
    let high = this.#starts.length - 2;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] as number) <= place) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
