/**
 * What pruning remembers from one run to the next: which objects nothing refers to, and since when. Canonical
 * JSON, docs/format/pruning.md.
 *
 * @module
 */
import * as v from 'valibot';
import { canonicalJson } from './canonical-json.ts';
import { parseDocument } from './document.ts';
import { MAX_PRUNE_RECORD } from './limits.ts';
import { type Moment, momentSchema } from './prune-times.ts';

export const PRUNE_RECORD_FORMAT = 'silt-prune-record';
export const PRUNE_RECORD_VERSION = 1;
export const PRUNE_RECORD_KEY = 'prune/record.json';

/** Bytes of a document of which all but keys and moments is left out. */
const RUN_BYTES = 128;

const recordSchema = v.object({
  format: v.literal(PRUNE_RECORD_FORMAT),
  formatVersion: v.literal(PRUNE_RECORD_VERSION),
  runs: v.array(v.object({ since: momentSchema, objects: v.array(v.pipe(v.string(), v.maxLength(1024))) })),
});

/** Since when each object has been unreferenced, by its key. */
export type PruneRecord = ReadonlyMap<string, Moment>;

/** @throws SiltError FORMAT_INVALID, FORMAT_UNSUPPORTED */
export function decodePruneRecord(bytes: Uint8Array): PruneRecord {
  const { runs } = parseDocument(bytes, recordSchema, {
    what: 'prune record',
    format: PRUNE_RECORD_FORMAT,
    versions: [PRUNE_RECORD_VERSION],
    limit: MAX_PRUNE_RECORD,
  });
  return new Map(runs.flatMap(({ since, objects }) => objects.map((key) => [key, since] as const)));
}

/**
 * The record as bytes. What does not fit is left out, the latest first: such objects are found again by a later
 * run, when others have gone.
 */
export function encodePruneRecord(record: PruneRecord): Uint8Array {
  const runs = new Map<string, { readonly since: Moment; readonly objects: string[] }>();
  for (const [key, since] of record) {
    const name = `${since.own} ${since.store}`;
    const run = runs.get(name) ?? { since, objects: [] };
    runs.set(name, run);
    run.objects.push(key);
  }
  const oldestFirst = [...runs.values()].sort((a, b) => a.since.own - b.since.own);
  let left = MAX_PRUNE_RECORD - 2 * RUN_BYTES;
  const kept: { since: Moment; objects: string[] }[] = [];
  for (const { since, objects } of oldestFirst) {
    left -= RUN_BYTES;
    const fitting = objects.sort().filter((key) => {
      left -= Buffer.byteLength(JSON.stringify(key)) + 1;
      return left >= 0;
    });
    if (fitting.length > 0) kept.push({ since, objects: fitting });
  }
  const document = { format: PRUNE_RECORD_FORMAT, formatVersion: PRUNE_RECORD_VERSION, runs: kept };
  return Buffer.from(canonicalJson(document));
}
