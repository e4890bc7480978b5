/**
 * Seeds: local files and devices that may hold what is needed, each with its seed index.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { ChunkerSpec } from '../chunker/chunker.ts';
import type { WindowSpec } from '../chunker/windows.ts';
import { equalBytes } from '../core/bytes.ts';
import { sha256 } from '../core/digest.ts';
import { isSiltError, SiltError } from '../core/errors.ts';
import { SourceFile, sameVersion } from '../io/source-file.ts';
import { type ScanOptions, scanSeed } from './scan-seed.ts';
import { SeedIndexReader } from './seed-index-file.ts';

export interface Seed {
  readonly file: SourceFile;
  readonly index: SeedIndexReader;
  /** The target itself, which changes while it is used. */
  readonly isTarget: boolean;
  /** The file that the target will replace. */
  readonly isOutput: boolean;
}

export interface SeedPlaces {
  /** Where seed indexes are kept between runs; `undefined`: nowhere. */
  readonly saved: string | undefined;
  /** Where those go that are good for this run only. */
  readonly scratch: string;
}

/** Where the seed index of the file at `path` is kept. */
export function savedIndexPath(directory: string, path: string): string {
  const name = createHash('sha256').update(realpathSync(path)).digest('hex').slice(0, 32);
  return join(directory, `${name}.seed-index`);
}

/**
 * Opens a seed, with the index saved when it was installed if that still describes it, else by cutting it.
 *
 * @throws SiltError SEED_INVALID when it is missing or unreadable
 */
export async function openSeed(
  path: string,
  places: SeedPlaces,
  spec: ChunkerSpec,
  windowing: WindowSpec,
  options: ScanOptions & { readonly isTarget?: boolean; readonly isOutput?: boolean } = {},
): Promise<Seed> {
  const { isTarget = false, isOutput = false } = options;
  const file = openFile(path);
  try {
    const scratch = savedIndexPath(places.scratch, path);
    if (!isTarget) {
      const saved = places.saved === undefined ? [] : [savedIndexPath(places.saved, path)];
      for (const place of [...saved, scratch]) {
        const index = openSaved(place);
        if (index === undefined) continue;
        if (describes(index, file, spec, windowing)) return { file, index, isTarget, isOutput };
        index.close();
      }
    }
    const digestSizes = options.digestSizes?.filter((size) => mayHold(file, size));
    await scanSeed(file, scratch, spec, windowing, { ...options, digestSizes }).catch((error: unknown) => {
      throw isSiltError(error, 'IO_FAILED') && error.details.path === path ? unusable(path, error) : error;
    });
    return { file, index: SeedIndexReader.open(scratch), isTarget, isOutput };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** True when the file may hold an image of that size: a device may be larger than what was written to it. */
export function mayHold(file: Pick<SourceFile, 'size' | 'isBlockDevice'>, size: number): boolean {
  return file.isBlockDevice ? file.size >= size : file.size === size;
}

export function closeSeed(seed: Seed): void {
  seed.file.close();
  seed.index.close();
}

function openFile(path: string): SourceFile {
  try {
    return SourceFile.open(path);
  } catch (cause) {
    if (!isSiltError(cause)) throw cause;
    throw unusable(path, cause);
  }
}

function unusable(path: string, cause: SiltError): SiltError {
  return new SiltError('SEED_INVALID', `cannot use the seed: ${cause.message}`, { details: { path }, cause });
}

/** A saved index that is missing or damaged is no error: the seed is cut again. */
function openSaved(path: string): SeedIndexReader | undefined {
  try {
    return SeedIndexReader.open(path);
  } catch (error) {
    if (isSiltError(error)) return undefined;
    throw error;
  }
}

function describes(
  index: SeedIndexReader,
  file: SourceFile,
  spec: ChunkerSpec,
  windowing: WindowSpec,
): boolean {
  const { chunker, windowing: windows } = index.summary;
  return (
    sameVersion(index.summary, file.version()) &&
    chunker.name === spec.name &&
    chunker.min === spec.min &&
    chunker.average === spec.average &&
    chunker.max === spec.max &&
    windows.min === windowing.min &&
    windows.average === windowing.average &&
    windows.max === windowing.max &&
    (!file.isBlockDevice || samplesMatch(index, file))
  );
}

/** Windows of a block device that are looked at: it does not tell when it was written to. */
const SAMPLES = 16;

/** True when most of some windows, taken evenly over the device, still are what the index says. */
function samplesMatch(index: SeedIndexReader, file: SourceFile): boolean {
  const samples = index.sampleWindows(SAMPLES);
  const matching = samples.filter(({ offset, length, digest }) => {
    const bytes = new Uint8Array(length);
    return file.read(offset, bytes) === length && equalBytes(sha256(bytes), digest);
  });
  return matching.length * 2 >= samples.length;
}
