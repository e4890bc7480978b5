/**
 * A delta file without some of its windows: a new head, and the payloads that stay.
 *
 * @module
 */
import { createSha256, sha256Hex } from '../core/digest.ts';
import { payloadBytes } from '../delta/payload.ts';
import type { PayloadBytes } from '../delta/payload-bytes.ts';
import { type DeltaHead, decodeDeltaHead, encodeDeltaHead } from '../format/delta-file.ts';
import { SourceFile } from '../io/source-file.ts';
import { TargetFile } from '../io/target-file.ts';
import type { WrittenObject } from './seal-object.ts';

/** A delta file on disk. */
export type DeltaFile = WrittenObject;

/** The head of a delta file, which must be one. @throws SiltError IO_FAILED, FORMAT_INVALID, DIGEST_MISMATCH */
export function readDeltaHead(delta: DeltaFile): DeltaHead {
  using file = SourceFile.open(delta.path);
  const bytes = new Uint8Array(delta.head.size);
  return decodeDeltaHead(bytes.subarray(0, file.read(0, bytes)));
}

/**
 * Writes `delta` to a new file at `path`, with windows of kind `none` in place of those in `dropped`.
 *
 * @returns it, and the bytes of its payloads by stream
 * @throws SiltError NO_SPACE, IO_FAILED
 */
export function trimDelta(
  delta: DeltaFile,
  head: DeltaHead,
  dropped: ReadonlySet<number>,
  path: string,
): { readonly delta: DeltaFile; readonly bytes: PayloadBytes } {
  const windows = head.windows.map((window, i) =>
    dropped.has(i) ? { ...window, check: undefined, source: { kind: 'none' } as const } : window,
  );
  const front = encodeDeltaHead({ ...head, windows });
  using from = SourceFile.open(delta.path);
  const to = TargetFile.open(path, true);
  try {
    const whole = createSha256().update(front);
    to.write(0, front);
    let size = front.length;
    const bytes = { control: 0, difference: 0, literal: 0 };
    for (const { source } of windows) {
      if (source.kind !== 'coded') continue;
      const payload = new Uint8Array(source.payload.length);
      from.read(source.payload.offset, payload);
      whole.update(payload);
      to.write(size, payload);
      size += payload.length;
      const { control, difference, literal } = payloadBytes(payload);
      bytes.control += control;
      bytes.difference += difference;
      bytes.literal += literal;
    }
    const sha256 = whole.digest('hex');
    return { delta: { path, size, sha256, head: { sha256: sha256Hex(front), size: front.length } }, bytes };
  } finally {
    to.close();
  }
}
