/**
 * A benchmark result that nobody measured: make-believe figures of a plausible shape, the same in every run, to
 * draw reports of.
 *
 * @module
 */

import { LINKS, type Link } from '../../src/compare/link.ts';
import type { Kind } from '../../src/compare/peer.ts';
import {
  type BenchResult,
  type FetchCell,
  type PairInfo,
  type PublishCell,
  RESULT_FORMAT,
  type SkippedCell,
  type ToolInfo,
} from '../../src/compare/result.ts';
import { sha256, toHex } from '../../src/core/digest.ts';
import { GiB, MiB } from '../../src/core/sizes.ts';
import { seededRandom } from './seeded-bytes.ts';

interface Character extends Omit<ToolInfo, 'version'> {
  /** Share of the changed bytes that it downloads. */
  readonly share: number;
  /** Index bytes a byte of image. */
  readonly index: number;
  /** Requests a megabyte of download; 0 for one in all. */
  readonly chatter: number;
  /** CPU seconds a gigabyte of image, on the device and at publishing. */
  readonly cpu: readonly [device: number, publisher: number];
  /** Memory: fixed bytes, and bytes a byte of image. */
  readonly memory: readonly [number, number];
}

function character(
  name: string,
  title: string,
  family: ToolInfo['family'],
  share: number,
  index: number,
  chatter: number,
  cpu: readonly [number, number],
  memory: readonly [number, number],
): Character {
  return { name, title, family, share, index, chatter, cpu, memory };
}

const MB = 1e6;
const CHARACTERS: readonly Character[] = [
  character('silt', 'silt, defaults', 'chunks', 0.63, 0.0001, 0.4, [3.1, 160], [134 * MB, 0.0003]),
  character('silt-fast', 'silt, zstd 3', 'chunks', 0.78, 0.0001, 0.4, [2.9, 9], [130 * MB, 0.0003]),
  character('casync-64k', 'casync, 64 KiB', 'chunks', 0.94, 0.0006, 37, [9, 15], [7 * MB, 0.003]),
  character('casync-16k', 'casync, 16 KiB', 'chunks', 0.86, 0.0023, 130, [14, 19], [8 * MB, 0.006]),
  character('desync-64k', 'desync, 64 KiB', 'chunks', 0.94, 0.0006, 37, [6, 18], [44 * MB, 0.01]),
  character('desync-16k', 'desync, 16 KiB', 'chunks', 0.86, 0.0023, 130, [8, 22], [61 * MB, 0.02]),
  character('bita', 'bita, brotli', 'chunks', 0.84, 0.0008, 22, [7, 190], [38 * MB, 0.012]),
  character('zchunk', 'zchunk, defaults', 'chunks', 0.88, 0.0005, 3, [5, 70], [24 * MB, 0.004]),
  character('zsync', 'zsync, defaults', 'chunks', 1.6, 0.0017, 2.4, [7, 11], [9 * MB, 0.02]),
  character('rdiff', 'rdiff, zstd 19', 'delta', 0.97, 0, 0, [2, 60], [11 * MB, 0.01]),
  character('xdelta3', 'xdelta3 -9', 'delta', 0.27, 0, 0, [4.4, 88], [30 * MB, 1]),
  character('bsdiff', 'bsdiff 4.3', 'delta', 0.095, 0, 0, [9, 810], [6 * MB, 2]),
  character('zstd-patch', 'zstd -19 --patch-from', 'delta', 0.17, 0, 0, [2.3, 640], [20 * MB, 2]),
  character('hdiffz', 'HDiffPatch, zstd 21', 'delta', 0.078, 0, 0, [0.7, 95], [18 * MB, 0.0004]),
  character('hdiffz-lzma', 'HDiffPatch, lzma 9', 'delta', 0.07, 0, 0, [2.5, 96], [66 * MB, 0.0004]),
  character('ostree', 'OSTree, static delta', 'delta', 0.33, 0, 0, [8, 120], [80 * MB, 1.2]),
  character('full', 'whole image, zstd 19', 'full', 0, 0, 0, [1.6, 630], [9 * MB, 0]),
];

/** Name, what it stands for, sizes, changed bytes, compressed size as a share. */
type Sketch = readonly [string, string, readonly number[], number, number, 'size'?];

const grow = (name: string, bytes: number): Sketch => [
  `grow-${name}`,
  `Made of real executables, ${name}, a tenth of it changed`,
  [bytes, bytes + 4096],
  bytes * 0.034,
  0.26,
  'size',
];

const SKETCHES: readonly Sketch[] = [
  ['node24', 'A large C++ executable, one minor release on', [126_458_664, 126_595_440], 31.6 * MB, 0.26],
  [
    'ext4',
    'A Debian root filesystem before and after its updates',
    [943_718_400, 943_718_400],
    27 * MB,
    0.19,
  ],
  ['erofs', 'The same trees, compressed EROFS', [337_420_288, 337_436_672], 39 * MB, 0.95],
  ['kernel', 'Modules of two kernel packages, as tar', [523_100_160, 523_284_480], 130 * MB, 0.2],
  ['firmware', 'A small firmware of a few hundred KiB', [412_160, 413_440], 0.09 * MB, 0.6],
  ['app-row', 'An application over ten releases', rowOf(10, 61 * MB, 180_000), 3.4 * MB, 0.22],
  grow('16m', 16 * MiB),
  grow('64m', 64 * MiB),
  grow('256m', 256 * MiB),
  grow('1g', GiB),
  grow('4g', 4 * GiB),
];

function rowOf(length: number, bytes: number, step: number): number[] {
  return Array.from({ length }, (_, at) => bytes + at * step);
}

const ROUNDS = 3;
/** What the biggest programs of this kind take in memory for an image, before a test machine has no more. */
const BSDIFF_MOST = 500 * MB;

/** @param names the pairs to keep. Default: all */
export function sampleBenchResult(names: readonly string[] = SKETCHES.map(([name]) => name)): BenchResult {
  const random = seededRandom(20261122);
  const jitter = (by: number): number => 1 + (random() - 0.5) * 2 * by;
  const fetches: FetchCell[] = [];
  const publishes: PublishCell[] = [];
  const skipped: SkippedCell[] = [];
  const pairs: PairInfo[] = [];
  for (const [pair, standsFor, sizes, changed, packed, series] of SKETCHES) {
    // All are drawn, so that a pair has the same figures whichever others are kept.
    const keep = names.includes(pair);
    const image = sizes.at(-1) as number;
    const releases = sizes.map((bytes, at) => ({
      bytes,
      sha256: toHex(sha256(Buffer.from(`${pair} ${at}`))),
    }));
    if (keep) pairs.push({ name: pair, standsFor, releases, ...(series ? { series } : {}) });
    for (const tool of CHARACTERS) {
      const reason = refusal(tool, image);
      if (reason !== undefined) {
        if (keep) skipped.push({ pair, tool: tool.name, reason });
        continue;
      }
      const luck = jitter(0.2);
      sizes.forEach((_, at) => {
        const cell = publishCell(tool, pair, at + 1, image, changed * luck, packed, jitter(0.1));
        if (keep) publishes.push(cell);
      });
      for (const link of LINKS) {
        const slow = link.name === '3g' && tool.name === 'casync-16k' && image > 900 * MB;
        if (slow && keep) {
          const given = { pair, tool: tool.name, link: link.name };
          skipped.push({ ...given, reason: 'took longer than 1,800 s, and was ended' });
        }
        for (let round = 1; round <= ROUNDS; round += 1) {
          const scenarios =
            tool.family === 'delta' ? (['update'] as const) : (['update', 'install'] as const);
          for (const scenario of scenarios) {
            const bytes = scenario === 'install' || tool.family === 'full' ? image * packed : changed * luck;
            const cell = fetchCell(tool, pair, link, scenario, round, image, bytes, jitter);
            if (keep && !slow) fetches.push(cell);
          }
        }
      }
    }
  }
  const tools = CHARACTERS.map(
    ({ name, title, family }, at): ToolInfo => ({ name, title, family, version: `1.${at}.0` }),
  );
  // One that was not to be had on the machine at all.
  tools.push({ name: 'zpatch', title: 'a tool nobody installed', family: 'delta', version: '' });
  for (const { name } of pairs) {
    skipped.push({ pair: name, tool: 'zpatch', reason: 'zpatch is not installed (apt-get install zpatch)' });
  }
  return {
    format: RESULT_FORMAT,
    started: '2026-11-22T08:30:00.000Z',
    machine: {
      cpu: 'Make-believe CPU @ 2.50GHz',
      cores: 2,
      memoryBytes: 8 * GiB,
      system: 'Debian GNU/Linux 12',
      node: 'v24.21.0',
    },
    silt: { version: '0.1.0', commit: '25ec2d29f6d0c2b3a4958677e8d9fa0b1c2d3e4f' },
    pairs,
    tools,
    links: LINKS,
    publishes,
    fetches,
    skipped,
  };
}

function refusal({ name }: Character, image: number): string | undefined {
  if (name === 'bsdiff' && image > BSDIFF_MOST)
    return 'bsdiff takes 17 bytes of memory for each byte of the old image; none is tried above 500 MB';
  if (name === 'zstd-patch' && image > 2 * GiB) return 'zstd --patch-from takes images of at most 2 GiB';
  return undefined;
}

function publishCell(
  tool: Character,
  pair: string,
  release: number,
  image: number,
  changed: number,
  packed: number,
  luck: number,
): PublishCell {
  const whole = image * packed;
  const patch = changed * tool.share;
  const perRelease = tool.family === 'full' ? whole : patch;
  const first = tool.family === 'delta' ? 0 : whole * (0.9 + tool.share / 4);
  const cpuSeconds = (image / 1e9) * tool.cpu[1] * luck * (release === 1 ? 1 : 0.4);
  return {
    pair,
    tool: tool.name,
    release,
    storedBytes: Math.round(first + (release - 1) * perRelease),
    objects: release + Math.round((tool.chatter * whole) / MB),
    wallSeconds: cpuSeconds * 0.8,
    cpuSeconds,
    peakMemory: Math.round(tool.memory[0] * 2 + tool.memory[1] * image * 3),
  };
}

function fetchCell(
  tool: Character,
  pair: string,
  link: Link,
  scenario: FetchCell['scenario'],
  round: number,
  image: number,
  changed: number,
  jitter: (by: number) => number,
): FetchCell {
  const whole = scenario === 'install' || tool.family === 'full';
  const data = Math.round(whole ? changed : changed * tool.share);
  const bytes: Record<Kind, number> = {
    data,
    index: Math.round(image * tool.index),
    metadata: tool.name.startsWith('silt') ? 2140 : tool.name === 'zchunk' ? 812 : 0,
  };
  const requests = tool.chatter === 0 ? 1 : Math.max(3, Math.round((data / MB) * tool.chatter));
  const total = bytes.data + bytes.index + bytes.metadata;
  const wireBytes = Math.round(total * 1.002) + requests * 420;
  const cpuSeconds = Math.max(0.01, (image / 1e9) * tool.cpu[0] * jitter(0.08));
  // Some tools ask for several things at a time.
  const turns = requests / (tool.name.startsWith('casync') || tool.chatter === 0 ? 1 : 6);
  const onLine = wireBytes / link.bytesPerSecond + (turns * link.roundTripMs) / 1000;
  const resets = link.resetAfterBytes > 0 && tool.name.startsWith('casync');
  return {
    pair,
    tool: tool.name,
    link: link.name,
    scenario,
    round,
    bytes,
    requests,
    wireBytes,
    attempts: resets ? 1 + Math.min(4, Math.ceil(total / 8e6)) : 1,
    wallSeconds: (cpuSeconds * 0.9 + onLine) * jitter(0.05),
    cpuSeconds,
    peakMemory: Math.round((tool.memory[0] + tool.memory[1] * image) * jitter(0.02)),
  };
}
