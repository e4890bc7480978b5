/**
 * One delta between two images in files: made, without what does not pay, and sealed. It is the same work and the
 * same bytes whether the publisher does it or another machine.
 *
 * @module
 */
import { rm } from 'node:fs/promises';
import type { Entropy } from '../delta/window-encoder.ts';
import { makeDelta } from '../differ/make-delta.ts';
import type { DeltaHead } from '../format/delta-file.ts';
import type { IndexHead } from '../format/index-head.ts';
import type { SourceFile } from '../io/source-file.ts';
import type { WorkerPool } from '../pool/pool.ts';
import type { ContentKey, ObjectSeal } from '../trust/seal/content-key.ts';
import { pays, windowsToDrop } from './choose-windows.ts';
import { ChunkCost } from './chunk-cost.ts';
import { holdingsOf } from './held-chunks.ts';
import type { DroppedDelta, KeptDelta } from './publish-report.ts';
import { sealDelta } from './seal-delta.ts';
import { type DeltaFile, readDeltaHead, trimDelta } from './trim-delta.ts';

/**
 * What a delta must spare a device at least: it makes every device read a longer manifest (some 350 bytes), and
 * takes room on the server.
 */
export const LEAST_SAVING = 1024;

export interface TargetIndex {
  readonly head: IndexHead;
  /** Length of level 1. */
  readonly headBytes: number;
  /** Gives these bytes of the index object. */
  read(offset: number, length: number): Promise<Uint8Array> | Uint8Array;
  /** Opens level 2, where that is sealed. */
  readonly seal: ObjectSeal | undefined;
}

export interface ImageDeltaWork {
  readonly base: { readonly file: SourceFile; readonly sha256: string; readonly head: IndexHead };
  readonly target: { readonly path: string; readonly digest: Uint8Array; readonly index: TargetIndex };
  /** Of the release of the target, when it is sealed. */
  readonly key: ContentKey | undefined;
  readonly pool: WorkerPool;
  /** Beginning of the paths of temporary files. */
  readonly path: string;
  readonly memoryBytes: number | undefined;
  readonly entropy: Entropy | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: (phase: string, bytesDone: number, bytesTotal: number) => void;
}

type MadeFigures = Pick<KeptDelta, 'windows' | 'bytes' | 'seconds' | 'fetchBytes' | 'chunkBytes'>;

/** The delta as a file that is to be stored, or why there is none. */
export type ImageDelta =
  | ({ readonly kept: true; readonly file: DeltaFile } & MadeFigures)
  | Omit<DroppedDelta, 'image' | 'base'>;

/** @throws SiltError IMAGE_CHANGED, NO_SPACE, IO_FAILED, what reading the index throws */
export async function makeImageDelta(work: ImageDeltaWork): Promise<ImageDelta> {
  const { base, pool, key } = work;
  const { head, headBytes, read, seal } = work.target.index;
  const held = await holdingsOf(base.file, base.head, head.chunker, pool);
  const cost = await ChunkCost.of(head, headBytes, read, held, seal);
  const chunkBytes = cost.total;
  if (chunkBytes < LEAST_SAVING) return { kept: false, reason: 'no-saving', chunkBytes };
  const { delta, fetchBytes, figures } = await encode(work, cost);
  // Never more than a full download either: that is every frame of the image, and more than `chunkBytes`.
  if (fetchBytes + LEAST_SAVING > chunkBytes || !pays(fetchBytes, chunkBytes)) {
    await rm(delta.path);
    return { kept: false, reason: 'no-saving', chunkBytes, fetchBytes };
  }
  const file = key === undefined ? delta : await sealDelta(delta, key, `${work.path}.sealed`);
  if (file !== delta) await rm(delta.path);
  return { kept: true, file, ...figures, fetchBytes: fetchBytes + file.size - delta.size, chunkBytes };
}

/** Makes the delta file, and leaves out of it what does not pay. */
async function encode(work: ImageDeltaWork, cost: ChunkCost) {
  const { base, target, pool, memoryBytes, entropy, signal, onProgress } = work;
  const path = `${work.path}.delta`;
  const made = await makeDelta(pool, path, {
    basePath: base.file.path,
    targetPath: target.path,
    windowLengths: target.index.head.windows.map(({ length }) => length),
    // The index has the digest of each window.
    checkBytes: 0,
    costWithout: (window) => cost.alone(window),
    baseDigest: Buffer.from(base.sha256, 'hex'),
    targetDigest: target.digest,
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(entropy === undefined ? {} : { entropy }),
    ...(signal === undefined ? {} : { signal }),
    onProgress: ({ phase, bytesDone, bytesTotal }) => onProgress(phase, bytesDone, bytesTotal),
  });
  const whole: DeltaFile = { path, size: made.size, sha256: made.sha256, head: made.head };
  const wholeHead = readDeltaHead(whole);
  const dropped = new Set(windowsToDrop(payloadsOf(wholeHead), windowsOfKind(wholeHead, 'none'), cost));
  const figures = { windows: made.windows, bytes: made.bytes, seconds: made.seconds };
  if (dropped.size === 0) {
    return {
      delta: whole,
      fetchBytes: whole.size + cost.together(windowsOfKind(wholeHead, 'none')),
      figures,
    };
  }
  const { delta, bytes } = trimDelta(whole, wholeHead, dropped, `${work.path}.trimmed`);
  await rm(path);
  const missing = [...windowsOfKind(wholeHead, 'none'), ...dropped];
  const { none, coded } = made.windows;
  const windows = { ...made.windows, none: none + dropped.size, coded: coded - dropped.size };
  const fetchBytes = delta.size + cost.together(missing);
  return {
    delta,
    fetchBytes,
    figures: { ...figures, windows, bytes: { ...bytes, head: delta.head.size } },
  };
}

function payloadsOf(head: DeltaHead): (number | undefined)[] {
  return head.windows.map(({ source }) => (source.kind === 'coded' ? source.payload.length : undefined));
}

function windowsOfKind(head: DeltaHead, kind: DeltaHead['windows'][number]['source']['kind']): number[] {
  return head.windows.flatMap(({ source }, i) => (source.kind === kind ? [i] : []));
}
