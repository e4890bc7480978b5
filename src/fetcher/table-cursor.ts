/**
 * The tables of the batches, one at a time: the first as it was planned, later ones made again when the
 * rebuild gets there, so that no more than one is ever in memory.
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';
import type { IndexHead } from '../format/index-head.ts';
import type { Level2Source } from './level2-source.ts';
import type { NeedTable } from './need-table.ts';
import { type Batch, planBatches, type Sources, type WindowWay } from './plan.ts';

export interface CursorParts extends Sources {
  readonly ways: readonly WindowWay[];
  readonly level2: Pick<Level2Source, 'map'>;
  firstBatch: Batch | undefined;
  /** Chunks of a batch, as the first one was made. */
  readonly batchChunks?: number | undefined;
}

export class TableCursor {
  readonly #head: IndexHead;
  readonly #parts: CursorParts;
  #current: Batch | undefined;
  #later: Generator<Batch> | undefined;

  /** Takes the first batch over from `parts`. */
  constructor(head: IndexHead, parts: CursorParts) {
    this.#head = head;
    this.#parts = parts;
    this.#current = parts.firstBatch;
    parts.firstBatch = undefined;
  }

  /** The table for a window to be rebuilt; to be asked for in ascending order. */
  tableFor(window: number): NeedTable {
    while (this.#current !== undefined && window > (this.#current.windows.at(-1) as number)) {
      const last = this.#current.windows.at(-1) as number;
      this.#current = undefined;
      this.#later ??= this.#batchesAfter(last);
      this.#current = this.#later.next().value as Batch | undefined;
    }
    if (this.#current === undefined) throw new SiltError('INTERNAL', `window ${window} was not planned`);
    return this.#current.table;
  }

  #batchesAfter(last: number): Generator<Batch> {
    const { ways, level2, batchChunks } = this.#parts;
    const rest = ways.flatMap(({ way }, window) => (way === 'rebuild' && window > last ? [window] : []));
    return planBatches(this.#head, rest, (window) => level2.map(window), this.#parts, batchChunks);
  }
}
