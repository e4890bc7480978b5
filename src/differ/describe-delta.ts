/**
 * What a delta file says of itself, without the Base: where its bytes went.
 *
 * @module
 */
import { toHex } from '../core/digest.ts';
import { payloadBytes } from '../delta/payload.ts';
import type { DeltaWindow } from '../format/delta-file.ts';
import { PatchFile, payloadLength } from './patch-file.ts';

export interface DeltaImageSummary {
  readonly size: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** How many windows there are of each kind, or how many bytes of the image they make. */
export interface WindowKinds {
  readonly none: number;
  readonly zero: number;
  readonly copy: number;
  readonly coded: number;
}

export interface WindowSummary {
  readonly offset: number;
  readonly length: number;
  readonly kind: keyof WindowKinds;
  /** Of a copy: where it lies in the Base. */
  readonly from?: number;
  /** Of a coded window: bytes of its payload. */
  readonly payload?: number;
}

export interface DeltaSummary {
  /** Bytes of the delta file. */
  readonly size: number;
  readonly base: DeltaImageSummary;
  readonly target: DeltaImageSummary;
  readonly transforms: readonly string[];
  /** True when each window can be verified by itself, so that patching can be resumed. */
  readonly checks: boolean;
  readonly windows: WindowKinds;
  /** Plain bytes in windows of each kind. */
  readonly imageBytes: WindowKinds;
  /** Where the bytes of the delta file went. */
  readonly bytes: {
    readonly head: number;
    readonly control: number;
    readonly difference: number;
    readonly literal: number;
  };
  /** Windows with the largest payloads, largest first. */
  readonly largest: readonly WindowSummary[];
  /** All windows, when asked for. */
  readonly allWindows?: readonly WindowSummary[];
}

export interface DescribeOptions {
  /** List every window. */
  readonly windows?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

const LARGEST = 5;

/**
 * Reads the delta file at `path`, every payload with its tag.
 *
 * @throws SiltError IO_FAILED, FORMAT_INVALID, FORMAT_UNSUPPORTED, DIGEST_MISMATCH
 */
export async function describeDelta(path: string, options: DescribeOptions = {}): Promise<DeltaSummary> {
  using patch = PatchFile.open(path);
  const { base, target, transforms, windows } = patch.head;
  const kinds = { none: 0, zero: 0, copy: 0, coded: 0 };
  const imageBytes = { ...kinds };
  const bytes = { head: patch.headLength, control: 0, difference: 0, literal: 0 };
  for (const window of windows) {
    options.signal?.throwIfAborted();
    kinds[window.source.kind] += 1;
    imageBytes[window.source.kind] += window.length;
    const payload = patch.payload(window);
    if (payload === undefined) continue;
    const parts = payloadBytes(payload);
    bytes.control += parts.control;
    bytes.difference += parts.difference;
    bytes.literal += parts.literal;
    await new Promise(setImmediate);
  }
  const bySize = windows
    .filter(({ source }) => source.kind === 'coded')
    .sort((a, b) => payloadLength(b.source) - payloadLength(a.source));
  return {
    size: patch.size,
    base: { size: base.size, sha256: toHex(base.digest) },
    target: { size: target.size, sha256: toHex(target.digest) },
    transforms,
    checks: windows.some(({ check }) => check !== undefined),
    windows: kinds,
    imageBytes,
    bytes,
    largest: bySize.slice(0, LARGEST).map(summarise),
    ...(options.windows === true && { allWindows: windows.map(summarise) }),
  };
}

function summarise({ offset, length, source }: DeltaWindow): WindowSummary {
  const { kind } = source;
  if (kind === 'copy') return { offset, length, kind, from: source.from };
  if (kind === 'coded') return { offset, length, kind, payload: source.payload.length };
  return { offset, length, kind };
}
