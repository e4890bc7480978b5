/**
 * Level 2 of the Index: the chunks of one window and the frames that hold them. docs/format/index.md §3.
 *
 * | field | encoding |
 * |---|---|
 * | frames: count, then each pack, offset, stored length, plain length, codec, tag | varints, u8, 16 bytes |
 * | runs: count, then each source (0 zeros, k frame k−1), number of chunks, offset in the frame's plain bytes | varints; no offset for zeros |
 * | chunk lengths, in order | varints |
 * | chunk hints, in order, none for chunks of zeros | 6 bytes each |
 *
 * A run is consecutive chunks that lie consecutively in one frame; most windows have a few runs, so naming
 * a chunk by its place in the repository costs next to nothing. The hint is the first six bytes of the
 * ChunkId: enough to look a chunk up in a seed, and never what makes it trusted (the window's digest is).
 *
 * @module
 */
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { type FrameRef, isKnownCodec, TAG_BYTES } from './frame.ts';
import {
  MAX_CHUNK,
  MAX_CHUNKS_PER_WINDOW,
  MAX_FRAME_PLAIN,
  MAX_FRAME_STORED,
  MAX_FRAMES_PER_WINDOW,
  MAX_PACK,
} from './limits.ts';

/** Bytes of a ChunkId that level 2 carries. 48 bits are exact as a number. */
export const HINT_BYTES = 6;

/** The frame of a chunk of zeros. */
export const ZERO_FRAME = -1;

/** The chunks of one window, column by column; all arrays have one entry a chunk. */
export interface WindowMap {
  readonly frames: readonly FrameRef[];
  readonly lengths: Uint32Array;
  /** First six bytes of the ChunkId, little-endian; 0 for chunks of zeros. */
  readonly hints: Float64Array;
  /** Position in `frames`, or {@link ZERO_FRAME}. */
  readonly frameOf: Int32Array;
  /** Where the chunk begins in the frame's plain bytes; 0 for chunks of zeros. */
  readonly offsetIn: Uint32Array;
}

/** The hint of a ChunkId: its first six bytes, little-endian. */
export function hintOf(chunkId: Uint8Array, at = 0): number {
  const low =
    (chunkId[at] as number) +
    (chunkId[at + 1] as number) * 0x100 +
    (chunkId[at + 2] as number) * 0x10000 +
    (chunkId[at + 3] as number) * 0x1000000;
  return low + (chunkId[at + 4] as number) * 2 ** 32 + (chunkId[at + 5] as number) * 2 ** 40;
}

interface Run {
  readonly frame: number;
  readonly offset: number;
  count: number;
}

/** Level 2 of one window as bytes. */
export function encodeLevel2(map: WindowMap): Uint8Array {
  const count = map.lengths.length;
  const out = new ByteWriter(64 + map.frames.length * 32 + count * (HINT_BYTES + 3));
  out.varint(map.frames.length);
  for (const frame of map.frames) {
    out.varint(frame.pack).varint(frame.offset).varint(frame.stored).varint(frame.plain);
    out.u8(frame.codec).bytes(frame.tag);
  }
  const runs = gatherRuns(map);
  out.varint(runs.length);
  for (const run of runs) {
    out.varint(run.frame + 1).varint(run.count);
    if (run.frame !== ZERO_FRAME) out.varint(run.offset);
  }
  for (let i = 0; i < count; i++) out.varint(map.lengths[i] as number);
  for (let i = 0; i < count; i++) {
    if (map.frameOf[i] !== ZERO_FRAME) out.u48(map.hints[i] as number);
  }
  return out.finish();
}

function gatherRuns(map: WindowMap): Run[] {
  const runs: Run[] = [];
  let next = 0;
  for (let i = 0; i < map.lengths.length; i++) {
    const frame = map.frameOf[i] as number;
    const offset = map.offsetIn[i] as number;
    const open = runs.at(-1);
    if (open?.frame === frame && (frame === ZERO_FRAME || offset === next)) {
      open.count += 1;
    } else {
      runs.push({ frame, offset, count: 1 });
    }
    next = offset + (map.lengths[i] as number);
  }
  return runs;
}

/**
 * Reads level 2 of a window of `windowLength` bytes; the caller has checked the tag of `bytes`.
 *
 * @param packCount entries of the pack table in level 1
 * @throws SiltError FORMAT_INVALID
 */
export function decodeLevel2(bytes: Uint8Array, windowLength: number, packCount: number): WindowMap {
  const reader = new ByteReader(bytes, 'index level 2');
  const frames = readFrames(reader, packCount);
  const { runs, count } = readRuns(reader, frames);
  const map: WindowMap = {
    frames,
    lengths: new Uint32Array(count),
    hints: new Float64Array(count),
    frameOf: new Int32Array(count),
    offsetIn: new Uint32Array(count),
  };
  readLengths(reader, map, runs, windowLength);
  for (let i = 0; i < count; i++) {
    if (map.frameOf[i] !== ZERO_FRAME) map.hints[i] = reader.u48('chunk hint');
  }
  reader.end();
  return map;
}

function readFrames(reader: ByteReader, packCount: number): FrameRef[] {
  const count = reader.varint('number of frames', MAX_FRAMES_PER_WINDOW);
  const frames: FrameRef[] = [];
  for (let i = 0; i < count; i++) {
    const pack = reader.varint('pack of a frame');
    if (pack >= packCount) throw reader.invalid('pack of a frame', `less than ${packCount}`, pack);
    const offset = reader.varint('frame offset', MAX_PACK);
    const stored = reader.varint('stored length of a frame', MAX_FRAME_STORED);
    const plain = reader.varint('plain length of a frame', MAX_FRAME_PLAIN);
    const codec = reader.u8('frame codec');
    if (!isKnownCodec(codec)) throw reader.invalid('frame codec', 'a codec of this version', codec);
    if (stored === 0 || plain === 0) throw reader.invalid('frame', 'at least 1 byte', 0);
    frames.push({ pack, offset, stored, plain, codec, tag: reader.bytes(TAG_BYTES, 'frame tag') });
  }
  return frames;
}

function readRuns(reader: ByteReader, frames: readonly FrameRef[]): { runs: Run[]; count: number } {
  const runCount = reader.varint('number of runs', MAX_CHUNKS_PER_WINDOW);
  const runs: Run[] = [];
  let total = 0;
  for (let i = 0; i < runCount; i++) {
    const frame = reader.varint('source of a run', frames.length) - 1;
    const count = reader.varint('chunks of a run', MAX_CHUNKS_PER_WINDOW - total);
    if (count === 0) throw reader.invalid('chunks of a run', 'at least 1', 0);
    total += count;
    const offset =
      frame === ZERO_FRAME ? 0 : reader.varint('offset of a run', (frames[frame] as FrameRef).plain);
    runs.push({ frame, offset, count });
  }
  // Each chunk has a length of at least one byte, so this bounds what is allocated by what was sent.
  if (total > reader.left) throw reader.invalid('number of chunks', `at most ${reader.left}`, total);
  return { runs, count: total };
}

function readLengths(reader: ByteReader, map: WindowMap, runs: readonly Run[], windowLength: number): void {
  let at = 0;
  let sum = 0;
  for (const run of runs) {
    const plain = map.frames[run.frame]?.plain ?? 0;
    let offset = run.offset;
    for (let k = 0; k < run.count; k++, at++) {
      const length = reader.varint('chunk length', MAX_CHUNK);
      if (length === 0) throw reader.invalid('chunk length', 'at least 1', 0);
      map.lengths[at] = length;
      map.frameOf[at] = run.frame;
      if (run.frame !== ZERO_FRAME) {
        map.offsetIn[at] = offset;
        offset += length;
        if (offset > plain) throw reader.invalid('chunk', `an end within the frame's ${plain} bytes`, offset);
      }
      sum += length;
    }
  }
  if (sum !== windowLength) throw reader.invalid('the sum of chunk lengths', `${windowLength}`, sum);
}
