/**
 * A delta file, sealed.
 *
 * @module
 */
import { encodeDeltaHead } from '../format/delta-file.ts';
import type { ContentKey } from '../trust/seal/content-key.ts';
import { sealObject, sealOverhead } from './seal-object.ts';
import { type DeltaFile, readDeltaHead } from './trim-delta.ts';

/**
 * Writes `delta` sealed to a new file at `path`: its head tells the lengths of sealed payloads.
 *
 * @throws SiltError NO_SPACE, IO_FAILED
 */
export async function sealDelta(delta: DeltaFile, key: ContentKey, path: string): Promise<DeltaFile> {
  const head = readDeltaHead(delta);
  const lengths: number[] = [];
  const windows = head.windows.map((window) => {
    const { source } = window;
    if (source.kind !== 'coded') return { ...window, source };
    const { length, tag } = source.payload;
    lengths.push(length);
    return { ...window, source: { ...source, payload: { length: length + sealOverhead(key), tag } } };
  });
  const front = encodeDeltaHead({ ...head, windows });
  return await sealObject(
    key,
    'delta',
    { head: front, path: delta.path, from: delta.head.size, lengths },
    path,
  );
}
