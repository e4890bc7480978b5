/**
 * From the cells of the benchmark of deltas to what its tables show: medians, and who the best peer is.
 *
 * @module
 */
import { spreadOf } from '../../src/compare/summary.ts';
import type { Usage } from '../../src/compare/usage.ts';
import type { DeltaResult } from './delta-result.ts';
import { isSilt } from './silt-delta.ts';

/** HDiffPatch with zstd: what the time to encode is compared with. */
export const CLOCK = 'hdiffz';

/** One tool on one pair, in medians. */
export interface DeltaFigures {
  readonly tool: string;
  readonly patchBytes: number;
  readonly encode: Usage;
  readonly apply: Usage;
  /** Bytes of the new image a second, start and end of the program included. */
  readonly applySpeed: number;
}

export interface PairFigures {
  readonly pair: string;
  readonly imageBytes: number;
  /** Those that made and applied a patch, in the order of the tools. */
  readonly tools: readonly DeltaFigures[];
}

export function pairFigures(result: DeltaResult, pair: string): PairFigures {
  const imageBytes = result.pairs.find(({ name }) => name === pair)?.releases.at(-1)?.bytes ?? 0;
  const tools = result.tools.flatMap(({ name: tool }): DeltaFigures[] => {
    const isOne = (cell: { pair: string; tool: string }): boolean => cell.pair === pair && cell.tool === tool;
    const encodes = result.encodes.filter(isOne);
    const applies = result.applies.filter(isOne);
    if (encodes.length === 0 || applies.length === 0) return [];
    const apply = medianUsage(applies);
    return [
      {
        tool,
        patchBytes: spreadOf(encodes.map((cell) => cell.patchBytes)).median,
        encode: medianUsage(encodes),
        apply,
        applySpeed: imageBytes / apply.wallSeconds,
      },
    ];
  });
  return { pair, imageBytes, tools };
}

export function figuresOf({ tools }: PairFigures, tool: string): DeltaFigures | undefined {
  return tools.find((one) => one.tool === tool);
}

/** The smallest patch that is not silt's. */
export function bestPeer({ tools }: PairFigures): DeltaFigures | undefined {
  return tools.filter(({ tool }) => !isSilt(tool)).toSorted((a, b) => a.patchBytes - b.patchBytes)[0];
}

function medianUsage(cells: readonly Usage[]): Usage {
  const median = (of: keyof Usage): number => spreadOf(cells.map((cell) => cell[of])).median;
  return {
    wallSeconds: median('wallSeconds'),
    cpuSeconds: median('cpuSeconds'),
    peakMemory: median('peakMemory'),
  };
}
