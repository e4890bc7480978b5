/**
 * casync on the same pair: what the new image adds to a store that holds the old one, and an extract with
 * the old image as seed. Debian package `casync`.
 *
 * @module
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { runMeasured } from './run-measured.ts';

export function hasCasync(): boolean {
  return spawnSync('casync', ['--version']).status === 0;
}

/** Rows of the device table, for average chunk sizes of 64 and 16 KiB. */
export async function casync(old: string, next: string, work: string): Promise<string[][]> {
  const rows: string[][] = [];
  for (const size of [65_536, 16_384]) {
    mkdirSync(work);
    const store = join(work, 'store.castr');
    const make = (name: string, path: string) =>
      runMeasured('casync', ['make', `--chunk-size=${size}`, `--store=${store}`, join(work, name), path]);
    await make('old.caibx', old);
    const before = measureStore(store);
    await make('new.caibx', next);
    const after = measureStore(store);
    const index = statSync(join(work, 'new.caibx')).size;
    const extract = [
      'extract',
      `--store=${store}`,
      `--seed=${old}`,
      join(work, 'new.caibx'),
      join(work, 'out'),
    ];
    const { seconds, peakMemory } = await runMeasured('casync', extract);
    rows.push([
      `casync ${size / 1024} KiB, local store`,
      `${((after.bytes - before.bytes + index) / 1e6).toFixed(2)} MB`,
      String(after.chunks - before.chunks),
      `${seconds.toFixed(1)} s`,
      `${Math.round(peakMemory / 2 ** 20)} MiB`,
    ]);
    rmSync(work, { recursive: true });
  }
  return rows;
}

function measureStore(store: string): { chunks: number; bytes: number } {
  let chunks = 0;
  let bytes = 0;
  for (const name of readdirSync(store, { recursive: true }) as string[]) {
    if (!name.endsWith('.cacnk')) continue;
    chunks += 1;
    bytes += statSync(join(store, name)).size;
  }
  return { chunks, bytes };
}
