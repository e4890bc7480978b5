/**
 * The document in which a device delivers events: canonical JSON, docs/guides/feedback.md.
 *
 * @module
 */
import { sha256Hex } from '../../core/digest.ts';
import { KiB } from '../../core/sizes.ts';
import { canonicalJson } from '../../format/canonical-json.ts';
import type { KeptEvent } from './kept-event.ts';

export const EVENTS_FORMAT = 'silt-device-events';
export const EVENTS_VERSION = 1;
/** Most events of a document. */
export const MAX_DOCUMENT_EVENTS = 100;
/** Most bytes of a document. */
export const MAX_DOCUMENT = 64 * KiB;
/** For everything but the events: id, hardware and variant have 128 characters at most. */
const MAX_ENVELOPE = 2 * KiB;

/** Who tells. */
export interface DeviceFacts {
  readonly id: string;
  readonly hardware?: string | undefined;
  readonly variant?: string | undefined;
}

/** What fits a document. @param events at most so many */
export function documentLimits(events = MAX_DOCUMENT_EVENTS): { events: number; bytes: number } {
  // A comma each.
  return { events, bytes: MAX_DOCUMENT - MAX_ENVELOPE - events };
}

/** @param lost events that this device could not keep until they were delivered, ever */
export function encodeDocument(device: DeviceFacts, lost: number, events: readonly KeptEvent[]): Uint8Array {
  const { id, hardware, variant } = device;
  const [before, after] = canonicalJson({
    device: { id, hardware, variant },
    events: [],
    format: EVENTS_FORMAT,
    formatVersion: EVENTS_VERSION,
    lost,
  }).split('"events":[]', 2);
  return Buffer.from(`${before}"events":[${events.map(({ text }) => text).join(',')}]${after}`);
}

/** The same for the same events, as Idempotency-Key wants it: a text in quotes. */
export function idempotencyKey(events: readonly KeptEvent[]): string {
  return `"${sha256Hex(Buffer.from(events.map(({ event }) => event.id).join('\n')))}"`;
}
