/**
 * What the benchmark of deltas has measured: plain data, one JSON document, from which its tables are made.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import type { Machine, PairInfo, ToolInfo } from '../../src/compare/result.ts';
import type { Usage } from '../../src/compare/usage.ts';
import { SiltError } from '../../src/core/errors.ts';
import { replaceFile } from '../../src/io/atomic.ts';
import { ioError } from '../../src/io/io-error.ts';

export const DELTAS_FORMAT = 'silt-deltas-1';

/** A patch made once. */
export interface EncodeCell extends Usage {
  readonly pair: string;
  readonly tool: string;
  readonly patchBytes: number;
}

/** A patch applied once; what it made was the new image. */
export interface ApplyCell extends Usage {
  readonly pair: string;
  readonly tool: string;
}

/** A tool that did not get through a pair, or is not here at all. */
export interface MissingCell {
  /** Absent when it holds for all pairs. */
  readonly pair?: string;
  readonly tool: string;
  readonly reason: string;
}

export interface DeltaResult {
  readonly format: typeof DELTAS_FORMAT;
  /** ISO 8601. */
  readonly started: string;
  readonly machine: Machine;
  /** Processes that were waiting for a processor before it began, in the mean of a minute. */
  readonly load: number;
  readonly silt: { readonly version: string; readonly commit: string | undefined };
  readonly pairs: readonly PairInfo[];
  /** In the order of the rows; those that are not here have the version ''. */
  readonly tools: readonly ToolInfo[];
  readonly encodes: readonly EncodeCell[];
  readonly applies: readonly ApplyCell[];
  readonly missing: readonly MissingCell[];
}

/** @throws SiltError IO_FAILED, FORMAT_INVALID for any other file */
export async function readDeltaResult(path: string): Promise<DeltaResult> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw ioError(error, 'read', path);
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const format = typeof value === 'object' && value !== null && 'format' in value ? value.format : undefined;
  if (format === DELTAS_FORMAT) return value as DeltaResult;
  const found = format === undefined ? 'something else' : JSON.stringify(format);
  const expected = `a result of the benchmark of deltas (${DELTAS_FORMAT})`;
  throw new SiltError('FORMAT_INVALID', `${path}: expected ${expected}, found ${found}`);
}

/** Writes the whole result, at once. */
export async function writeDeltaResult(path: string, result: DeltaResult): Promise<void> {
  await replaceFile(path, Buffer.from(`${JSON.stringify(result, undefined, 1)}\n`));
}
