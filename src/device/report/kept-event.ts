/**
 * One event on disk: a file whose name says where in the order it stands, its kind and whose id it is, and which
 * holds the digest of a line of JSON, and that line. What is damaged is told apart, whoever damaged it.
 *
 * Members that this silt does not know stay: after a roll-back an older silt delivers what a newer one has kept.
 *
 * @module
 */
import * as v from 'valibot';
import { sha256Hex } from '../../core/digest.ts';
import { SiltError } from '../../core/errors.ts';
import { KiB } from '../../core/sizes.ts';
import { canonicalJson, type Json } from '../../format/canonical-json.ts';
import { checkDocument } from '../../format/document.ts';
import { NAME_PATTERN } from '../../format/manifest.ts';
import type { DeviceEvent } from './event.ts';

/** 2000 characters of a message, all of them escaped, come to 12,000 bytes. */
export const MAX_EVENT = 16 * KiB;
/** Longer messages are cut. */
export const MAX_MESSAGE = 2000;
/** With the digest and the ends of the two lines. */
export const MAX_EVENT_FILE = MAX_EVENT + 66;

/** A file of an event, by its name. */
export interface EventFile {
  readonly name: string;
  /** Rises with each event that is added while others wait. */
  readonly sequence: number;
  readonly kind: string;
  /** Of the event's id. */
  readonly digest: string;
}

/** An event as it was kept. */
export interface KeptEvent extends EventFile {
  readonly event: DeviceEvent;
  /** Its JSON on one line, to be delivered as it is. */
  readonly text: string;
}

/** Nobody comes so far; a name that somebody else has made must not lead to names that nobody finds. */
const MAX_SEQUENCE = 999_999_999_999;
const FILE_NAME = /^(\d{12})-([A-Za-z]{1,32})-([0-9a-f]{32})\.event$/;

const name = v.pipe(v.string(), v.regex(NAME_PATTERN));
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const word = v.pipe(v.string(), v.regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/));

const schema = v.looseObject({
  id: v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,256}$/)),
  kind: v.pipe(v.string(), v.regex(/^[A-Za-z]{1,32}$/)),
  // Whatever the clock says: a device whose clock is broken has something to tell all the same.
  time: v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,40}$/)),
  update: v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,128}$/)),
  product: name,
  version: name,
  counter: count,
  done: v.optional(count),
  total: v.optional(count),
  code: v.optional(word),
  message: v.optional(v.pipe(v.string(), v.maxLength(MAX_MESSAGE))),
  phase: v.optional(word),
  component: v.optional(name),
});

/** What a file's name says; `undefined` when it is no event's. */
export function parseEventFile(fileName: string): EventFile | undefined {
  const [, sequence, kind, digest] = FILE_NAME.exec(fileName) ?? [];
  if (sequence === undefined || kind === undefined || digest === undefined) return undefined;
  return { name: fileName, sequence: Number(sequence), kind, digest };
}

/** The file of an event that comes after all of `others`, which are in order. */
export function eventFileAfter(
  others: readonly EventFile[],
  { kind, id }: Pick<DeviceEvent, 'kind' | 'id'>,
): EventFile {
  const sequence = Math.min((others.at(-1)?.sequence ?? 0) + 1, MAX_SEQUENCE);
  const digest = idDigest(id);
  const name = `${String(sequence).padStart(12, '0')}-${kind}-${digest}.event`;
  return { name, sequence, kind, digest };
}

/** By which an event is found again. */
export function idDigest(id: string): string {
  return sha256Hex(Buffer.from(id)).slice(0, 32);
}

/**
 * The bytes of an event's file. A message that is too long is cut: what went wrong is to be told, if not in full.
 *
 * @throws SiltError INTERNAL for what is no event
 */
export function encodeEvent(event: DeviceEvent): Uint8Array {
  const { message } = event;
  const short = message === undefined ? {} : { message: message.slice(0, MAX_MESSAGE).toWellFormed() };
  const checked = { ...event, ...short };
  const parsed = v.safeParse(schema, checked);
  const text = parsed.success ? canonicalJson(checked as unknown as Json) : '';
  if (!parsed.success || Buffer.byteLength(text) > MAX_EVENT) {
    throw new SiltError('INTERNAL', `expected an event to keep, found one that is none: ${event.id}`);
  }
  return Buffer.from(`${sha256Hex(Buffer.from(text))}\n${text}\n`);
}

/** @throws SiltError FORMAT_INVALID unless it is what {@link encodeEvent} makes for that name */
export function decodeEvent(bytes: Uint8Array, file: EventFile): KeptEvent {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const line = buffer.subarray(65, -1);
  if (buffer.toString('latin1', 0, 65) !== `${sha256Hex(line)}\n` || buffer.at(-1) !== 0x0a) {
    throw new SiltError('FORMAT_INVALID', 'the digest is another');
  }
  const text = line.toString('utf8');
  const event = checkDocument(parseJson(text), schema, 'event') as DeviceEvent;
  if (idDigest(event.id) !== file.digest || event.kind !== file.kind) {
    throw new SiltError('FORMAT_INVALID', 'it is another event than its name says');
  }
  return { ...file, event, text };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SiltError('FORMAT_INVALID', 'it is no JSON', { cause });
  }
}
