/**
 * How fast cutting and hashing are, on one core: `npm run bench:kernels`.
 *
 * All tasks take the same bytes through the loop that publisher and device use, which reads them into the
 * kernel's buffer first; "sha" is told the chunks instead of finding them. "cut" is that loop with cutting,
 * less the same loop without; fastcdc-wasm copies its input as well, which its interface does not let one
 * take off. Machines are busy and clocks change: tasks take turns over several rounds, a ratio is that of
 * two tasks of one round, and what is shown is the median of the rounds.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { get_chunks as fastcdcWasm } from 'fastcdc-wasm';
import { Bench } from 'tinybench';
import { type Chunker, type ChunkerSpec, chunkerSpec, createChunker } from '../src/chunker/chunker.ts';
import { type ReadAt, scanChunks, type VisitChunk } from '../src/chunker/scan.ts';
import { sha256 } from '../src/core/digest.ts';
import { formatSize, KiB, MiB } from '../src/core/sizes.ts';

const ROUNDS = Number(process.env.ROUNDS ?? 9);
/** Code and data of a real program, which every machine with this project has: Node itself. */
const data = readFileSync(process.execPath).subarray(0, 64 * MiB);

const readAt: ReadAt = (at, into) => data.copy(into, 0, at, at + into.length);
const ignore: VisitChunk = () => undefined;
const digest: VisitChunk = (_, chunk) => {
  sha256(chunk);
  return undefined;
};

function scan(chunker: Chunker, visit: VisitChunk): void {
  scanChunks(chunker, readAt, { from: 0, until: data.length, size: data.length }, visit);
}

/** The lengths of all chunks. */
function lengthsOf(chunker: Chunker): number[] {
  const lengths: number[] = [];
  scan(chunker, (_, chunk) => {
    lengths.push(chunk.length);
    return undefined;
  });
  return lengths;
}

/** A chunker that cuts where it is told, without looking. */
function replay(chunker: Chunker, lengths: readonly number[]): Chunker {
  let next = 0;
  return {
    spec: chunker.spec,
    buffer: chunker.buffer,
    cut: (start, end) => {
      const first = next % lengths.length;
      let last = first;
      for (let at = start; last < lengths.length && at + (lengths[last] as number) <= end; last++) {
        at += lengths[last] as number;
      }
      next = last;
      return Uint32Array.from(lengths.slice(first, last));
    },
  };
}

/** GB/s of each task in one round. */
type Rates = Record<'read' | 'cut' | 'sha' | 'sha, 1 MiB blocks' | 'cut + sha' | 'fastcdc-wasm', number>;

/** Runs all tasks for a spec, round by round. */
async function measure(spec: ChunkerSpec): Promise<{ rounds: Rates[]; meanChunk: number }> {
  const chunker = createChunker(spec);
  const lengths = lengthsOf(chunker);
  const known = replay(chunker, lengths);
  const blocks = createChunker(chunkerSpec('fixed-1', 1 * MiB));
  const tasks: Record<keyof Rates, () => void> = {
    read: () => scan(known, ignore),
    cut: () => scan(chunker, ignore),
    sha: () => scan(known, digest),
    'sha, 1 MiB blocks': () => scan(blocks, digest),
    'cut + sha': () => scan(chunker, digest),
    'fastcdc-wasm': () => fastcdcWasm(data, spec.min, spec.average, spec.max),
  };
  const rounds: Rates[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    // Two calls to warm up in the first round: a first long call runs in the baseline compiler throughout.
    const bench = new Bench({
      time: 0,
      iterations: 3,
      warmup: round === 0,
      warmupIterations: 2,
      warmupTime: 0,
    });
    for (const [name, task] of Object.entries(tasks)) bench.add(name, task);
    const seconds: Record<string, number> = {};
    for (const { name, result } of await bench.run()) {
      if (!('latency' in result)) throw new Error(`${name}: ${result.state}`);
      seconds[name] = result.latency.p50 / 1e3;
    }
    seconds.cut = (seconds.cut as number) - (seconds.read as number);
    const rates = Object.entries(seconds).map(([name, time]) => [name, data.length / 1e9 / time]);
    rounds.push(Object.fromEntries(rates) as Rates);
  }
  return { rounds, meanChunk: data.length / lengths.length };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] as number;
}

const rows: Record<string, Record<string, string>> = {};
for (const average of [4 * KiB, 16 * KiB, 64 * KiB]) {
  const { rounds, meanChunk } = await measure(chunkerSpec('fastcdc-1', average));
  const names = Object.keys(rounds[0] as Rates) as (keyof Rates)[];
  const rate = (name: keyof Rates): string => median(rounds.map((rates) => rates[name])).toFixed(2);
  const kept = median(rounds.map((rates) => rates['cut + sha'] / rates.sha));
  const faster = median(rounds.map((rates) => rates.cut / rates['fastcdc-wasm']));
  rows[formatSize(average)] = {
    'mean chunk': formatSize(Math.round(meanChunk)),
    ...Object.fromEntries(names.map((name) => [name, rate(name)])),
    'cut + sha / sha': `${(kept * 100).toFixed(1)} %`,
    'cut / fastcdc-wasm': `${faster.toFixed(1)} x`,
  };
}
console.log(`${formatSize(data.length)} of ${process.execPath}; GB/s, medians of ${ROUNDS} rounds`);
console.table(rows);
console.log('goals: cut at least 1.5 GB/s and 3 x fastcdc-wasm; cut + sha at least 80 % of sha');
