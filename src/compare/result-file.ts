/**
 * The file that holds a result.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { SiltError } from '../core/errors.ts';
import { replaceFile } from '../io/atomic.ts';
import { ioError, systemCode } from '../io/io-error.ts';
import { type BenchResult, RESULT_FORMAT } from './result.ts';

const LISTS = ['pairs', 'tools', 'links', 'publishes', 'fetches', 'skipped'] as const;

/**
 * The result in the file at `path`; `undefined` when there is no such file.
 *
 * @throws SiltError FORMAT_INVALID for any other file, IO_FAILED when it cannot be read
 */
export async function readResult(path: string): Promise<BenchResult | undefined> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw ioError(error, 'read', path);
  });
  return text === undefined ? undefined : parseResult(text, path);
}

/** Writes the whole result, at once: a reader sees the old file or the new one. */
export async function writeResult(path: string, result: BenchResult): Promise<void> {
  await replaceFile(path, Buffer.from(`${JSON.stringify(result, undefined, 1)}\n`));
}

function parseResult(text: string, path: string): BenchResult {
  const refuse = (found: string): SiltError =>
    new SiltError(
      'FORMAT_INVALID',
      `${path}: expected a benchmark result (${RESULT_FORMAT}), found ${found}`,
    );
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw refuse(`no JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (typeof value !== 'object' || value === null) throw refuse('no object');
  const fields = value as Readonly<Record<string, unknown>>;
  if (fields.format !== RESULT_FORMAT) throw refuse(`format ${JSON.stringify(fields.format) ?? 'missing'}`);
  for (const list of LISTS) if (!Array.isArray(fields[list])) throw refuse(`no list "${list}"`);
  return value as BenchResult;
}
