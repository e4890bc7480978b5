/**
 * Lines of a program's output as they come, each cut at a cap, so that a program that never ends its line costs
 * no memory.
 *
 * @module
 */

/** Longest line that is told, in characters; the rest of it is dropped. */
const MAX_LINE = 1000;

export class LineReader {
  readonly #onLine: (line: string) => void;
  readonly #decoder = new TextDecoder();
  #line = '';

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  add(bytes: Uint8Array): void {
    const parts = this.#decoder.decode(bytes, { stream: true }).split('\n');
    for (const [index, part] of parts.entries()) {
      if (index > 0) this.end();
      this.#line = (this.#line + part).slice(0, MAX_LINE);
    }
  }

  /** Tells what has come of a line that was not ended. Empty lines are left out. */
  end(): void {
    const line = this.#line.trimEnd();
    this.#line = '';
    if (line !== '') this.#onLine(line);
  }
}
