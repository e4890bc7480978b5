/**
 * Seeds whose saved index says what is no longer true.
 *
 * @module
 */
import { mkdir, truncate, utimes, writeFile } from 'node:fs/promises';
import { chunkerSpec } from '../../src/chunker/chunker.ts';
import { windowSpec } from '../../src/chunker/windows.ts';
import { KiB } from '../../src/core/sizes.ts';
import { scanSeed } from '../../src/fetcher/scan-seed.ts';
import { savedIndexPath } from '../../src/fetcher/seeds.ts';
import { SourceFile } from '../../src/io/source-file.ts';

/** A whole second, which any file system keeps. */
const TIME = 1_700_000_000;

/** Writes a seed and the index that an installation would have saved. */
export async function writeIndexedSeed(
  path: string,
  bytes: Uint8Array,
  stateDirectory: string,
): Promise<void> {
  await mkdir(stateDirectory, { recursive: true });
  await writeFile(path, bytes);
  await utimes(path, TIME, TIME);
  using file = SourceFile.open(path);
  const spec = chunkerSpec('fastcdc-1', 2 * KiB);
  await scanSeed(file, savedIndexPath(stateDirectory, path), spec, windowSpec(spec.max, bytes.length));
}

/** Changes the bytes of a seed, as a failing disk does: its size and time stay. */
export async function alterUnnoticed(path: string, bytes: Uint8Array): Promise<void> {
  await truncate(path, bytes.length);
  await writeFile(path, bytes, { flag: 'r+' });
  await utimes(path, TIME, TIME);
}
