/**
 * Puts windows together, in image order, from wherever the plan says; verifies each; writes it.
 *
 * @module
 */
import { isZero } from '../core/bytes.ts';
import { sha256, toHex } from '../core/digest.ts';
import { SiltError } from '../core/errors.ts';
import type { IndexHead, WindowEntry } from '../format/index-head.ts';
import { hintOf, type WindowMap, ZERO_FRAME } from '../format/level2.ts';
import type { FrameSource, FrameSpan } from './frame-source.ts';
import type { Level2Source } from './level2-source.ts';
import type { NeedTable } from './need-table.ts';
import { addFrames, type PlannedChunk, sourceOf, type WindowWay } from './plan.ts';
import { planRanges, type RangeCosts } from './ranges.ts';
import type { Seed } from './seeds.ts';
import type { Target } from './target.ts';
import { type VerifiedWindow, verifyWindow } from './verified-window.ts';

/** Bytes of the image by where they came from. */
export interface AssemblyTotals {
  bytesFromSeeds: number;
  bytesFromTarget: number;
  bytesFromPacks: number;
  bytesZero: number;
  bytesWritten: number;
  repaired: number;
}

export interface AssemblerParts {
  readonly head: IndexHead;
  readonly seeds: readonly Seed[];
  readonly target: Target;
  readonly level2: Level2Source;
  readonly frames: FrameSource;
  readonly costs: RangeCosts;
}

export class Assembler {
  readonly totals: AssemblyTotals = {
    bytesFromSeeds: 0,
    bytesFromTarget: 0,
    bytesFromPacks: 0,
    bytesZero: 0,
    bytesWritten: 0,
    repaired: 0,
  };
  readonly #parts: AssemblerParts;
  readonly #buffer: Uint8Array;

  constructor(parts: AssemblerParts) {
    this.#parts = parts;
    const largest = parts.head.windows.reduce((max, { length }) => Math.max(max, length), 0);
    this.#buffer = new Uint8Array(largest);
  }

  /**
   * Builds and writes one window.
   *
   * @param table where chunks are; needed for the way `rebuild`
   * @throws SiltError DIGEST_MISMATCH when not even the repository has the right bytes
   */
  async build(index: number, way: WindowWay, table: NeedTable | undefined): Promise<void> {
    const window = this.#parts.head.windows[index] as WindowEntry;
    const bytes = this.#buffer.subarray(0, window.length);
    this.#parts.frames.enter(index);
    if (way.way === 'zero') {
      bytes.fill(0);
      this.totals.bytesZero += window.length;
    } else if (way.way === 'copy') {
      this.#read(way.seed, way.offset, bytes);
      this.totals.bytesFromSeeds += window.length;
    } else if (way.way === 'rebuild') {
      await this.#rebuild(index, window, bytes, table as NeedTable);
    }
    const verified = verifyWindow(window, bytes) ?? (await this.#repair(index, window, bytes));
    this.totals.bytesWritten += this.#parts.target.write(verified);
  }

  /** A seed that has become shorter gives zeros, which verification finds. */
  #read(seed: number, offset: number, into: Uint8Array): void {
    const count = (this.#parts.seeds[seed] as Seed).file.read(offset, into);
    into.fill(0, count);
  }

  async #rebuild(index: number, window: WindowEntry, bytes: Uint8Array, table: NeedTable): Promise<void> {
    const { seeds, level2, target } = this.#parts;
    const map = level2.map(index);
    const copies = new CopyRuns((run) => {
      const into = bytes.subarray(run.at, run.at + run.length);
      if (run.seed === undefined) {
        target.file.read(run.offset, into);
        this.totals.bytesFromTarget += run.length;
      } else {
        this.#read(run.seed, run.offset, into);
        this.totals.bytesFromSeeds += run.length;
      }
    });
    let at = 0;
    for (let i = 0; i < map.lengths.length; i++) {
      const length = map.lengths[i] as number;
      if (map.frameOf[i] === ZERO_FRAME) {
        bytes.fill(0, at, at + length);
        this.totals.bytesZero += length;
      } else {
        const source = sourceOf({ hint: map.hints[i] as number, length }, window, table, seeds);
        if (source.from === 'seed') copies.add(source.seed, source.offset, at, length);
        else if (source.from === 'target') copies.add(undefined, source.offset, at, length);
        else await this.#fromFrame(map, i, bytes.subarray(at, at + length));
      }
      at += length;
    }
    copies.end();
  }

  async #fromFrame(map: WindowMap, chunk: number, into: Uint8Array): Promise<void> {
    const frame = map.frames[map.frameOf[chunk] as number] as WindowMap['frames'][number];
    const plain = await this.#parts.frames.open(frame);
    const offset = map.offsetIn[chunk] as number;
    into.set(plain.subarray(offset, offset + into.length));
    this.totals.bytesFromPacks += into.length;
  }

  /**
   * A window that is not what it should be: some seed is not what its index says. Keeps the chunks that
   * are right, by their hints, and fetches the others; if that is not enough, fetches them all.
   */
  async #repair(index: number, window: WindowEntry, bytes: Uint8Array): Promise<VerifiedWindow> {
    const { head, level2, frames, costs } = this.#parts;
    this.totals.repaired += 1;
    await level2.load(level2.requestsFor([index], costs));
    const map = level2.map(index);
    for (const everything of [false, true]) {
      const wrong = new Set(wrongChunks(map, bytes, everything));
      const spans = new Map<number, FrameSpan>();
      addFrames(head, index, map, (chunk: PlannedChunk) => wrong.has(chunk.at), spans);
      const ordered = [...spans.values()].sort((a, b) => a.object - b.object || a.offset - b.offset);
      await frames.fetchNow(planRanges(ordered, costs));
      let at = 0;
      for (let i = 0; i < map.lengths.length; i++) {
        const length = map.lengths[i] as number;
        const into = bytes.subarray(at, at + length);
        if (wrong.has(i)) {
          if (map.frameOf[i] === ZERO_FRAME) into.fill(0);
          else await this.#fromFrame(map, i, into);
        }
        at += length;
      }
      const verified = verifyWindow(window, bytes);
      if (verified !== undefined) return verified;
    }
    throw new SiltError(
      'DIGEST_MISMATCH',
      `the window at ${window.offset} cannot be rebuilt: the repository's own chunks do not have its digest; ` +
        'run "silt verify" on the repository',
      {
        details: {
          offset: window.offset,
          length: window.length,
          expected: toHex(window.digest ?? sha256(bytes)),
        },
      },
    );
  }
}

/** Chunks of a window whose bytes do not have their hint, or all that are not zeros. */
function wrongChunks(map: WindowMap, bytes: Uint8Array, everything: boolean): number[] {
  const wrong: number[] = [];
  let at = 0;
  for (let i = 0; i < map.lengths.length; i++) {
    const chunk = bytes.subarray(at, at + (map.lengths[i] as number));
    at += chunk.length;
    const right = map.frameOf[i] === ZERO_FRAME ? isZero(chunk) : hintOf(sha256(chunk)) === map.hints[i];
    if (everything || !right) wrong.push(i);
  }
  return wrong;
}

interface CopyRun {
  /** `undefined`: the target. */
  readonly seed: number | undefined;
  readonly offset: number;
  readonly at: number;
  length: number;
}

/** Joins copies that continue one another, on both sides, into one read. */
class CopyRuns {
  readonly #copy: (run: CopyRun) => void;
  #open: CopyRun | undefined;

  constructor(copy: (run: CopyRun) => void) {
    this.#copy = copy;
  }

  add(seed: number | undefined, offset: number, at: number, length: number): void {
    const open = this.#open;
    const continues =
      open !== undefined &&
      open.seed === seed &&
      offset - open.offset === open.length &&
      at - open.at === open.length;
    if (continues) {
      open.length += length;
      return;
    }
    this.end();
    this.#open = { seed, offset, at, length };
  }

  end(): void {
    if (this.#open !== undefined) this.#copy(this.#open);
    this.#open = undefined;
  }
}
