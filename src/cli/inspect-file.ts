/**
 * What a local file of silt is, told by its first bytes, and what is in it.
 *
 * @module
 */
import { toHex } from '../core/digest.ts';
import { SiltError } from '../core/errors.ts';
import { type DeltaSummary, describeDelta } from '../differ/describe-delta.ts';
import { CATALOG_FORMAT, decodeCatalog } from '../format/catalog.ts';
import { DELTA_MAGIC } from '../format/delta-file.ts';
import { CODEC_BROTLI, CODEC_STORED, CODEC_ZSTD, FILTER_X86 } from '../format/frame.ts';
import { decodeIndexFront, INDEX_MAGIC } from '../format/index-head.ts';
import { MAX_CATALOG, MAX_INDEX_HEAD, MAX_PACK } from '../format/limits.ts';
import { decodeManifest, MANIFEST_FORMAT } from '../format/manifest.ts';
import { PACK_MAGIC } from '../format/pack.ts';
import {
  decodeRemnantHead,
  type PackRange,
  REMNANT_HEAD_BYTES,
  REMNANT_MAGIC,
  remnantSize,
} from '../format/remnant.ts';
import { SEALED_DELTA_MAGIC, SEALED_INDEX_MAGIC, SEALED_PACK_MAGIC } from '../format/sealed-front.ts';
import {
  decodeSeedFooter,
  MAX_SEED_FOOTER_BYTES,
  SEED_INDEX_MAGIC,
  type SeedIndexSummary,
} from '../format/seed-index.ts';
import { SourceFile } from '../io/source-file.ts';
import { type IndexSummary, summariseIndex } from '../publisher/index-summary.ts';
import { readPackFrames } from '../publisher/read-pack.ts';

export interface PackSummary {
  readonly size: number;
  readonly frames: number;
  readonly chunks: number;
  readonly plainBytes: number;
  readonly storedBytes: number;
  /** Frames by how they are stored, such as `zstd` or `zstd+x86`. */
  readonly codecs: Readonly<Record<string, number>>;
}

export interface RemnantSummary {
  readonly size: number;
  /** SHA-256 of the pack. */
  readonly pack: string;
  readonly packSize: number;
  readonly ranges: readonly PackRange[];
}

/** A file, by kind. */
export type InspectedFile =
  | ({ readonly kind: 'index' } & IndexSummary)
  | ({ readonly kind: 'pack' } & PackSummary)
  | ({ readonly kind: 'seed index' } & SeedIndexSummary)
  | ({ readonly kind: 'delta' } & DeltaSummary)
  | ({ readonly kind: 'remnant of a pack' } & RemnantSummary)
  | { readonly kind: 'sealed index' | 'sealed pack' | 'sealed delta'; readonly size: number }
  | { readonly kind: 'manifest' | 'catalog' | 'signed metadata'; readonly document: object };

/**
 * Reads the file at `path`.
 *
 * @throws SiltError IO_FAILED, FORMAT_INVALID when it is none of silt's or damaged, FORMAT_UNSUPPORTED
 */
export async function inspectFile(path: string): Promise<InspectedFile> {
  using file = SourceFile.open(path);
  const magic = Buffer.from(read(file, 0, 8)).toString('latin1');
  switch (magic) {
    case INDEX_MAGIC: {
      const { head, headLength } = decodeIndexFront(read(file, 0, MAX_INDEX_HEAD));
      const part = (offset: number, length: number): Uint8Array => {
        const bytes = read(file, offset, length);
        if (bytes.length === length) return bytes;
        throw new SiltError('FORMAT_INVALID', `${path}: the index is truncated`, { details: { path } });
      };
      return { kind: 'index', ...(await summariseIndex(head, headLength, part)) };
    }
    case DELTA_MAGIC:
      return { kind: 'delta', ...(await describeDelta(path)) };
    case PACK_MAGIC:
      return { kind: 'pack', ...summarisePack(readWhole(file, MAX_PACK)) };
    case SEED_INDEX_MAGIC: {
      const length = Math.min(MAX_SEED_FOOTER_BYTES, file.size);
      return { kind: 'seed index', ...decodeSeedFooter(read(file, file.size - length, length), file.size) };
    }
    case REMNANT_MAGIC: {
      const head = decodeRemnantHead(read(file, 0, REMNANT_HEAD_BYTES));
      const { packSize, ranges } = head;
      if (remnantSize(head) === file.size) {
        return { kind: 'remnant of a pack', size: file.size, pack: toHex(head.pack), packSize, ranges };
      }
      const found = `expected ${remnantSize(head)} bytes, found ${file.size}; it is truncated`;
      throw new SiltError('FORMAT_INVALID', `${path}: ${found}`, { details: { path } });
    }
    // What is in them is told by a repository and its keys: `silt inspect --repo`.
    case SEALED_INDEX_MAGIC:
      return { kind: 'sealed index', size: file.size };
    case SEALED_PACK_MAGIC:
      return { kind: 'sealed pack', size: file.size };
    case SEALED_DELTA_MAGIC:
      return { kind: 'sealed delta', size: file.size };
    default:
      return inspectDocument(path, file);
  }
}

function inspectDocument(path: string, file: SourceFile): InspectedFile {
  const front = Buffer.from(read(file, 0, 1)).toString('latin1');
  const bytes = front === '{' ? readWhole(file, MAX_CATALOG) : new Uint8Array();
  const text = Buffer.from(bytes).toString('utf8');
  // Canonical JSON has no white space.
  if (text.includes(`"format":"${MANIFEST_FORMAT}"`)) {
    return { kind: 'manifest', document: decodeManifest(bytes) };
  }
  if (text.includes(`"format":"${CATALOG_FORMAT}"`)) {
    return { kind: 'catalog', document: decodeCatalog(bytes) };
  }
  const metadata = signedMetadata(text);
  if (metadata !== undefined) return { kind: 'signed metadata', document: metadata };
  const expected = 'an index, a pack, a delta, a seed index, a manifest, metadata or a catalog of silt';
  throw new SiltError('FORMAT_INVALID', `${path}: expected ${expected}, found something else`, {
    details: { path },
  });
}

/** A TUF envelope, nothing of it verified. */
function signedMetadata(text: string): object | undefined {
  try {
    const document = JSON.parse(text) as { readonly signed?: { readonly _type?: unknown } } | null;
    return document !== null && typeof document.signed?._type === 'string' ? document : undefined;
  } catch {
    return undefined;
  }
}

function summarisePack(pack: Uint8Array): PackSummary {
  const frames = readPackFrames(pack);
  const sum = (of: (frame: (typeof frames)[number]) => number): number =>
    frames.reduce((total, frame) => total + of(frame), 0);
  const codecs: Record<string, number> = {};
  for (const { codec } of frames) codecs[codecName(codec)] = (codecs[codecName(codec)] ?? 0) + 1;
  return {
    size: pack.length,
    frames: frames.length,
    chunks: sum(({ chunkLengths }) => chunkLengths.length),
    plainBytes: sum(({ plain }) => plain),
    storedBytes: sum(({ stored }) => stored),
    codecs,
  };
}

const codecNames = new Map([
  [CODEC_STORED, 'stored'],
  [CODEC_ZSTD, 'zstd'],
  [CODEC_BROTLI, 'brotli'],
]);

function codecName(codec: number): string {
  const name = codecNames.get(codec & 0x0f) ?? `codec ${codec & 0x0f}`;
  return (codec & FILTER_X86) === 0 ? name : `${name}+x86`;
}

/** At most `length` bytes; fewer at the end. */
function read(file: SourceFile, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(Math.max(0, Math.min(length, file.size - offset)));
  return bytes.subarray(0, file.read(offset, bytes));
}

function readWhole(file: SourceFile, limit: number): Uint8Array {
  if (file.size <= limit) return read(file, 0, file.size);
  throw new SiltError('FORMAT_INVALID', `${file.path}: expected at most ${limit} bytes, found ${file.size}`, {
    details: { path: file.path, expected: limit, found: file.size },
  });
}
