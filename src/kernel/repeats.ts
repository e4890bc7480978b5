/**
 * Repeats of a text, part by part (`wasm/repeats.ts`), with its memory.
 *
 * @module
 */
import { loadKernel, WASM_PAGE_BYTES } from './load.ts';

/** Where a part repeats what an earlier one holds; all places are in the text. */
export interface Repeat {
  readonly at: number;
  readonly from: number;
  readonly length: number;
}

interface Exports {
  readonly memory: WebAssembly.Memory;
  tableBytes(): number;
  clear(table: number): void;
  enter(text: number, from: number, to: number, table: number): void;
  find(text: number, from: number, to: number, table: number, found: number, capacity: number): number;
}

const FOUND_AT = WASM_PAGE_BYTES;
const CAPACITY = 65_536;
const TABLE_AT: number = FOUND_AT + CAPACITY * 12;
const GUARD = 64;

export class RepeatFinder {
  readonly #kernel = loadKernel('repeats') as unknown as Exports;
  readonly #textAt: number;
  #searched = 0;
  #entered = 0;
  /** Where the text goes. */
  readonly text: Uint8Array;

  /** @param capacity bytes of the text */
  constructor(capacity: number) {
    const { memory } = this.#kernel;
    this.#textAt = TABLE_AT + this.#kernel.tableBytes();
    const bytes = this.#textAt + capacity + GUARD;
    memory.grow(Math.ceil((bytes - memory.buffer.byteLength) / WASM_PAGE_BYTES));
    this.#kernel.clear(TABLE_AT);
    this.text = new Uint8Array(memory.buffer, this.#textAt, capacity);
  }

  /** Searches the next part, which ends at `end` of the text, for what was entered. */
  find(end: number): Repeat[] {
    const view = new DataView(this.#kernel.memory.buffer);
    const repeats: Repeat[] = [];
    for (let from = this.#searched; ; ) {
      const count = this.#kernel.find(this.#textAt, from, end, TABLE_AT, FOUND_AT, CAPACITY);
      for (let i = 0; i < count; i++) {
        const [at, source, length] = [0, 4, 8].map((o) => view.getUint32(FOUND_AT + i * 12 + o, true));
        // The kernel only knows that a source lies ahead of where it looks.
        const most = this.#entered - (source as number);
        repeats.push({ at: at as number, from: source as number, length: Math.min(length as number, most) });
        from = (at as number) + (length as number);
      }
      if (count < CAPACITY) break;
    }
    this.#searched = end;
    return repeats;
  }

  /** Enters the text up to `end`: it may be repeated by what is searched from now on. */
  enter(end: number): void {
    // The last seven places have no eight bytes yet; a repeat that begins there is too short anyway.
    this.#kernel.enter(this.#textAt, this.#entered, Math.max(this.#entered, end - 7), TABLE_AT);
    this.#entered = end;
  }
}
