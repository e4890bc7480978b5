/**
 * What an outbox remembers besides its events: how delivery went last, and how many events were lost. It is no
 * more than advice, so what is missing or damaged counts as nothing.
 *
 * @module
 */
import { join } from 'node:path';
import * as v from 'valibot';
import { isSiltError } from '../../core/errors.ts';
import { KiB } from '../../core/sizes.ts';
import { canonicalJson } from '../../format/canonical-json.ts';
import { parseDocument } from '../../format/document.ts';
import { replaceFile } from '../../io/atomic.ts';
import { readSmallFile } from '../../io/read-small-file.ts';

const FORMAT = 'silt-outbox-state';
const VERSION = 1;
const MAX_STATE = 16 * KiB;
const FILE = 'state.json';

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const schema = v.object({
  format: v.literal(FORMAT),
  formatVersion: v.literal(VERSION),
  /** Deliveries that failed, in a row. */
  failures: count,
  /** Milliseconds since 1970: before, nothing is sent. */
  notBefore: v.optional(count),
  /** Why the last delivery failed. */
  problem: v.optional(
    v.object({
      code: v.pipe(v.string(), v.maxLength(64)),
      message: v.pipe(v.string(), v.maxLength(2000)),
    }),
  ),
  /** Events, ever, that had to make room for others. */
  dropped: count,
  /** That were damaged on the disk. */
  damaged: count,
  /** That the server did not want. */
  refused: count,
});

export type OutboxState = Omit<v.InferOutput<typeof schema>, 'format' | 'formatVersion'>;

const FIRST: OutboxState = { failures: 0, dropped: 0, damaged: 0, refused: 0 };

/** @throws SiltError IO_FAILED */
export async function readOutboxState(directory: string): Promise<OutboxState> {
  try {
    const bytes = await readSmallFile(join(directory, FILE), MAX_STATE);
    if (bytes === undefined) return FIRST;
    const {
      format: _,
      formatVersion: __,
      ...state
    } = parseDocument(bytes, schema, {
      what: 'outbox',
      format: FORMAT,
      versions: [VERSION],
      limit: MAX_STATE,
    });
    return state;
  } catch (error) {
    const damaged = isSiltError(error, 'FORMAT_INVALID') || isSiltError(error, 'FORMAT_UNSUPPORTED');
    if (damaged || (isSiltError(error) && error.details.systemError === 'EIO')) return FIRST;
    throw error;
  }
}

/** Keeps `state`, durably, in the directory, which must exist. @throws SiltError NO_SPACE, IO_FAILED */
export async function writeOutboxState(directory: string, state: OutboxState): Promise<void> {
  const problem = state.problem && {
    code: state.problem.code.slice(0, 64),
    message: state.problem.message.slice(0, 2000),
  };
  const document = { ...state, ...(problem && { problem }), format: FORMAT, formatVersion: VERSION };
  await replaceFile(join(directory, FILE), Buffer.from(`${canonicalJson(document)}\n`));
}
