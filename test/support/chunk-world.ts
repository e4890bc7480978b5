/**
 * A small world for plans: a few kinds of chunks, images and seeds made of them, and their indexes in memory.
 *
 * @module
 */
import { sha256, toHex } from '../../src/core/digest.ts';
import type { SeedIndexReader } from '../../src/fetcher/seed-index-file.ts';
import type { Seed } from '../../src/fetcher/seeds.ts';
import type { IndexHead, WindowEntry } from '../../src/format/index-head.ts';
import { type WindowMap, ZERO_FRAME } from '../../src/format/level2.ts';
import { seededBytes } from './seeded-bytes.ts';

/** Kind 0 is zeros. */
export const KINDS = 8;

export const bytesOfKind = (kind: number): Uint8Array =>
  kind === 0 ? new Uint8Array(7) : seededBytes(`kind ${kind}`, 5 + kind);

/** Chunks, gathered into windows. */
export type Layout = readonly (readonly number[])[];

export function bytesOfLayout(layout: Layout): Uint8Array {
  return new Uint8Array(Buffer.concat(layout.flat().map(bytesOfKind)));
}

export interface World {
  readonly head: IndexHead;
  mapOf(window: number): WindowMap;
}

/** The index of an image; every chunk that is not zeros has a frame of its own. */
export function worldOf(layout: Layout): World {
  let offset = 0;
  const windows = layout.map((kinds): WindowEntry => {
    const bytes = bytesOfLayout([kinds]);
    const zero = kinds.every((kind) => kind === 0);
    const entry = {
      offset,
      length: bytes.length,
      digest: zero ? undefined : sha256(bytes),
      level2: undefined,
    };
    offset += bytes.length;
    return entry;
  });
  const sizes = { min: 1, average: 8, max: 16 };
  const head: IndexHead = {
    imageSize: offset,
    imageDigest: sha256(bytesOfLayout(layout)),
    chunker: { name: 'fixed-1', ...sizes },
    windowing: sizes,
    packs: [],
    windows,
  };
  return { head, mapOf: (window) => mapOf(layout[window] as readonly number[]) };
}

function mapOf(kinds: readonly number[]): WindowMap {
  const used = [...new Set(kinds)].filter((kind) => kind !== 0);
  const frameOf = (kind: number): number => (kind === 0 ? ZERO_FRAME : used.indexOf(kind));
  return {
    frames: used.map((kind) => {
      const { length } = bytesOfKind(kind);
      return {
        pack: 0,
        offset: kind * 100,
        stored: length,
        plain: length,
        codec: 0,
        tag: new Uint8Array(16),
      };
    }),
    lengths: Uint32Array.from(kinds, (kind) => bytesOfKind(kind).length),
    hints: Float64Array.from(kinds),
    frameOf: Int32Array.from(kinds, frameOf),
    offsetIn: new Uint32Array(kinds.length),
  };
}

/** A seed of that layout, its index in memory; its file is not for reading. */
export function seedOf(layout: Layout, isTarget: boolean): Seed {
  const places = new Map<string, { offset: number; length: number }>();
  let offset = 0;
  for (const kinds of layout) {
    const bytes = bytesOfLayout([kinds]);
    if (kinds.some((kind) => kind !== 0)) places.set(toHex(sha256(bytes)), { offset, length: bytes.length });
    offset += bytes.length;
  }
  const index: Pick<SeedIndexReader, 'forEachChunk' | 'window'> = {
    window: (digest) => places.get(toHex(digest)),
    forEachChunk(visit) {
      let at = 0;
      for (const kind of layout.flat()) {
        const { length } = bytesOfKind(kind);
        visit(at, { length, zero: kind === 0, hint: kind });
        at += length;
      }
    },
  };
  return { index: index as SeedIndexReader, file: undefined as never, isTarget, isOutput: false };
}
