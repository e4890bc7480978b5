/**
 * Puts windows together, in image order, from wherever the plan says; verifies each; writes it.
 *
 * @module
 */
import { isZero } from '../core/bytes.ts';
import { sha256, toHex } from '../core/digest.ts';
import { isSiltError, SiltError } from '../core/errors.ts';
import type { BaseReader } from '../delta/base-reader.ts';
import { WindowDecoder } from '../delta/window-decoder.ts';
import type { FrameRef } from '../format/frame.ts';
import type { IndexHead, WindowEntry } from '../format/index-head.ts';
import { hintOf, type WindowMap, ZERO_FRAME } from '../format/level2.ts';
import type { AssemblyTotals } from './assembly-totals.ts';
import { CopyRuns } from './copy-runs.ts';
import type { DeltaTrust } from './delta-trust.ts';
import type { FrameSource, FrameSpan } from './frame-source.ts';
import type { Level2Source } from './level2-source.ts';
import type { NeedTable } from './need-table.ts';
import {
  addFrames,
  forEachChunk,
  type PlannedChunk,
  planBatches,
  type Sources,
  sourceOf,
  type WindowWay,
} from './plan.ts';
import { isByDelta } from './plan-delta.ts';
import { planRanges, type RangeCosts } from './ranges.ts';
import type { Seed } from './seeds.ts';
import type { Target } from './target.ts';
import { type VerifiedWindow, verifyWindow } from './verified-window.ts';

export interface AssemblerParts {
  readonly head: IndexHead;
  readonly sources: Sources;
  readonly target: Target;
  readonly level2: Level2Source;
  readonly frames: FrameSource;
  readonly costs: RangeCosts;
  readonly totals: AssemblyTotals;
  /** What windows by a delta are made with. */
  readonly delta?: { readonly base: BaseReader; readonly trust: DeltaTrust } | undefined;
}

type Origin = 'bytesFromSeeds' | 'bytesFromDelta' | 'bytesFromTarget' | 'bytesFromPacks';

export class Assembler {
  readonly totals: AssemblyTotals;
  readonly #parts: AssemblerParts;
  readonly #buffer: Uint8Array;
  /** Chunks of the window at work that did not come from where the others did. */
  readonly #origins = new Map<number, Origin>();
  #decoder: WindowDecoder | undefined;

  constructor(parts: AssemblerParts) {
    this.#parts = parts;
    this.totals = parts.totals;
    const largest = parts.head.windows.reduce((max, { length }) => Math.max(max, length), 0);
    this.#buffer = new Uint8Array(largest);
  }

  /**
   * Builds and writes one window.
   *
   * @param table where chunks are; needed for the way `rebuild`
   * @returns false when it came out wrong by a delta that spoils many, and was left for later
   * @throws SiltError DIGEST_MISMATCH when not even the repository has the right bytes
   */
  async build(index: number, way: WindowWay, table: NeedTable | undefined): Promise<boolean> {
    const window = this.#parts.head.windows[index] as WindowEntry;
    let bytes = this.#buffer.subarray(0, window.length);
    const before = { ...this.totals };
    this.#origins.clear();
    this.#parts.frames.enter(index);
    if (way.way === 'zero') {
      bytes.fill(0);
      this.totals.bytesZero += window.length;
    } else if (way.way === 'copy') {
      this.#read(way.seed, way.offset, bytes);
      this.totals.bytesFromSeeds += window.length;
    } else if (way.way === 'delta') {
      bytes = await this.#decode(way.payload, window.offset, bytes);
      this.totals.bytesFromDelta += window.length;
    } else if (way.way === 'rebuild') {
      await this.#rebuild(index, window, bytes, table as NeedTable);
    }
    let verified = verifyWindow(window, bytes);
    const byDelta = isByDelta(way);
    const trust = byDelta ? this.#parts.delta?.trust : undefined;
    trust?.heard(verified !== undefined, way.way === 'delta' ? way.payload.stored : 0, window.length);
    if (verified === undefined) {
      Object.assign(this.totals, before);
      this.totals.repaired += 1;
      if (trust?.defers === true) return false;
      if (byDelta) await this.#takeFromSeeds(index, window, bytes);
      verified = await this.#repair(
        index,
        window,
        bytes,
        way.way === 'delta' ? 'bytesFromDelta' : 'bytesFromSeeds',
      );
    }
    this.totals.bytesWritten += this.#parts.target.write(verified);
    return true;
  }

  /** A seed that has become shorter or unreadable gives zeros, which verification finds. */
  #read(seed: number, offset: number, into: Uint8Array): void {
    let count = 0;
    try {
      count = (this.#parts.sources.seeds[seed] as Seed).file.read(offset, into);
    } catch (error) {
      if (!isSiltError(error, 'IO_FAILED')) throw error;
    }
    into.fill(0, count);
  }

  /**
   * What the payload makes of the Base, which may not be what it was, and of the windows ahead; good until the
   * next call.
   */
  async #decode(payload: FrameRef, offset: number, into: Uint8Array): Promise<Uint8Array> {
    this.#decoder ??= new WindowDecoder();
    const decoder = this.#decoder;
    const { base } = this.#parts.delta as { base: BaseReader };
    // Windows are written in image order, so what lies ahead of this one is there.
    const { file } = this.#parts.target;
    const earlier = { size: offset, read: (at: number, room: Uint8Array) => file.read(at, room) };
    return await this.#parts.frames.use(payload, (stored) => {
      try {
        return decoder.decode(stored, into.length, base, earlier);
      } catch (error) {
        // An altered or unreadable Base, or a delta that its publisher made wrong: chunks do as well.
        if (!isSiltError(error, 'FORMAT_INVALID') && !isSiltError(error, 'IO_FAILED')) throw error;
        return into.fill(0);
      }
    });
  }

  /** Puts chunks from seeds where the delta's own are wrong, without asking the network but for level 2. */
  async #takeFromSeeds(index: number, window: WindowEntry, bytes: Uint8Array): Promise<void> {
    const { head, sources, level2, target, costs } = this.#parts;
    await level2.load(level2.requestsFor([index], costs));
    const map = level2.map(index);
    const wrong = new Set(wrongChunks(map, bytes, false));
    const [batch] = planBatches(head, [index], () => map, sources);
    forEachChunk(head, index, map, ({ hint, length, offset, at }) => {
      if (!wrong.has(at)) return;
      const source = sourceOf({ hint, length }, window, (batch as { table: NeedTable }).table, sources);
      const into = bytes.subarray(offset - window.offset, offset - window.offset + length);
      if (source.from === 'seed') {
        this.#read(source.seed, source.offset, into);
        this.#origins.set(at, 'bytesFromSeeds');
      } else if (source.from === 'target') {
        target.file.read(source.offset, into);
        this.#origins.set(at, 'bytesFromTarget');
      }
    });
  }

  async #rebuild(index: number, window: WindowEntry, bytes: Uint8Array, table: NeedTable): Promise<void> {
    const { sources, level2, target } = this.#parts;
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
        const source = sourceOf({ hint: map.hints[i] as number, length }, window, table, sources);
        if (source.from === 'seed') copies.add(source.seed, source.offset, at, length);
        else if (source.from === 'target') {
          this.#origins.set(i, 'bytesFromTarget');
          copies.add(undefined, source.offset, at, length);
        } else await this.#fromFrame(map, i, bytes.subarray(at, at + length));
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
    this.#origins.set(chunk, 'bytesFromPacks');
  }

  /**
   * A window that is not what it should be: some seed is not what its index says. Keeps the chunks that
   * are right, by their hints, and fetches the others; if that is not enough, fetches them all.
   */
  async #repair(
    index: number,
    window: WindowEntry,
    bytes: Uint8Array,
    origin: Origin,
  ): Promise<VerifiedWindow> {
    const { level2, costs } = this.#parts;
    await level2.load(level2.requestsFor([index], costs));
    const map = level2.map(index);
    const before = { ...this.totals };
    for (const everything of [false, true]) {
      Object.assign(this.totals, before);
      const wrong = new Set(wrongChunks(map, bytes, everything));
      await this.#fetchFrames(index, map, wrong);
      let at = 0;
      for (let i = 0; i < map.lengths.length; i++) {
        const length = map.lengths[i] as number;
        const into = bytes.subarray(at, at + length);
        if (map.frameOf[i] === ZERO_FRAME) {
          into.fill(0);
          this.totals.bytesZero += length;
        } else if (wrong.has(i)) {
          await this.#fromFrame(map, i, into);
        } else {
          this.totals[this.#origins.get(i) ?? origin] += length;
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

  /** Fetches the frames of these chunks, unless they are at hand or on their way. */
  async #fetchFrames(index: number, map: WindowMap, chunks: ReadonlySet<number>): Promise<void> {
    const { head, frames, costs } = this.#parts;
    const spans = new Map<number, FrameSpan>();
    addFrames(head, index, map, ({ at }: PlannedChunk) => chunks.has(at), spans);
    const missing = [...spans.values()].filter(({ frame }) => !frames.has(frame));
    missing.sort((a, b) => a.object - b.object || a.offset - b.offset);
    await frames.fetchNow(planRanges(missing, costs));
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
