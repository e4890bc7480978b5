/**
 * SHA-256 of the first so many bytes of a stream, for several such sizes in one pass.
 *
 * @module
 */
import { createSha256 } from '../core/digest.ts';
import type { KnownDigest } from '../format/seed-index.ts';

export class PrefixDigests {
  /** Those that have been passed, in ascending order. */
  readonly known: KnownDigest[] = [];
  readonly #sizes: readonly number[];
  readonly #running = createSha256();
  #at = 0;

  constructor(sizes: readonly number[]) {
    this.#sizes = [...new Set(sizes)].sort((a, b) => a - b);
  }

  /** Takes the next bytes. Costs nothing once the largest size is passed. */
  update(bytes: Uint8Array): void {
    let rest = bytes;
    for (let size = this.#next(); size !== undefined; size = this.#next()) {
      const part = rest.subarray(0, size - this.#at);
      this.#running.update(part);
      this.#at += part.length;
      rest = rest.subarray(part.length);
      if (this.#at < size) return;
      this.known.push({ size, sha256: this.#running.copy().digest('hex') });
    }
  }

  #next(): number | undefined {
    return this.#sizes[this.known.length];
  }
}
