/**
 * What a bad server, proxy or line does to one answer, as data.
 *
 * @module
 */
import { seededBytes } from './seeded-bytes.ts';

export type Fault =
  /** Answers 200 with the whole object. */
  | { readonly kind: 'ignore-range' }
  /** Serves the range that begins so many bytes later, and says so. */
  | { readonly kind: 'shift-range'; readonly by: number }
  /** Sets header fields, or takes them away with `undefined`; the body stays. */
  | { readonly kind: 'headers'; readonly set: Readonly<Record<string, string | undefined>> }
  /** Sends other bytes, as many. */
  | { readonly kind: 'wrong-bytes' }
  /** Turns one bit over, in the byte at `at`. */
  | { readonly kind: 'flip-bit'; readonly at: number }
  /** Ends the body early: as if that were all, or by closing the connection before Content-Length is reached. */
  | { readonly kind: 'short'; readonly bytes: number; readonly by: 'end' | 'close' }
  /** Sends so many bytes more, without Content-Length. */
  | { readonly kind: 'long'; readonly bytes: number }
  /** Resets the connection (TCP RST) after so many bytes. */
  | { readonly kind: 'reset'; readonly after: number }
  /** Sends nothing more after so many bytes, and keeps the connection. */
  | { readonly kind: 'stall'; readonly after: number }
  /** Never answers at all. */
  | { readonly kind: 'silence' }
  /** Another status: 404, 416, 429 or 503 with Retry-After, 500, or a redirect with Location. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    };

/** An answer on its way to the client. */
export interface Outgoing {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: AsyncIterable<Uint8Array>;
  /** What happens to the connection after the body. */
  readonly ending: 'end' | 'close' | 'reset' | 'stall';
}

/** The Range header to ask the origin with, so that `fault` can come about. */
export function alterRange(range: string | undefined, fault: Fault | undefined): string | undefined {
  if (fault?.kind === 'ignore-range') return undefined;
  const match = /^bytes=(\d+)-(\d+)$/.exec(range ?? '');
  if (fault?.kind !== 'shift-range' || match === null) return range;
  return `bytes=${Number(match[1]) + fault.by}-${Number(match[2]) + fault.by}`;
}

/** The answer after `fault` has happened to it. */
export function applyFault(answer: Outgoing, fault: Fault | undefined): Outgoing {
  const unframed = { ...answer.headers, 'content-length': undefined };
  switch (fault?.kind) {
    case 'headers':
      return { ...answer, headers: { ...answer.headers, ...fault.set } };
    case 'wrong-bytes':
      return { ...answer, body: mapBlocks(answer.body, (block) => seededBytes('wrong', block.byteLength)) };
    case 'flip-bit':
      return { ...answer, body: flipBit(answer.body, fault.at) };
    case 'short':
      if (fault.by === 'close') return { ...answer, body: cut(answer.body, fault.bytes), ending: 'close' };
      return { ...answer, headers: unframed, body: cut(answer.body, fault.bytes) };
    case 'long':
      return { ...answer, headers: unframed, body: extend(answer.body, fault.bytes) };
    case 'reset':
      return { ...answer, body: cut(answer.body, fault.after), ending: 'reset' };
    case 'stall':
      return { ...answer, body: cut(answer.body, fault.after), ending: 'stall' };
    case 'status': {
      const text = Buffer.from(fault.body ?? '');
      const headers = { 'content-length': String(text.byteLength), ...fault.headers };
      return { status: fault.status, headers, body: extend(nothing(), 0, text), ending: 'end' };
    }
    default:
      return answer;
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

async function* mapBlocks(
  body: AsyncIterable<Uint8Array>,
  change: (block: Uint8Array) => Uint8Array,
): AsyncGenerator<Uint8Array> {
  for await (const block of body) yield change(block);
}

async function* flipBit(body: AsyncIterable<Uint8Array>, at: number): AsyncGenerator<Uint8Array> {
  let seen = 0;
  for await (const block of body) {
    const copy = Uint8Array.from(block);
    if (at >= seen && at < seen + copy.byteLength) copy[at - seen] = (copy[at - seen] ?? 0) ^ 0x10;
    seen += copy.byteLength;
    yield copy;
  }
}

async function* cut(body: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Uint8Array> {
  let left = bytes;
  for await (const block of body) {
    if (left > 0) yield block.subarray(0, left);
    left -= block.byteLength;
    if (left <= 0) return;
  }
}

async function* extend(
  body: AsyncIterable<Uint8Array>,
  bytes: number,
  text: Uint8Array = seededBytes('more', bytes),
): AsyncGenerator<Uint8Array> {
  yield* body;
  if (text.byteLength > 0) yield text;
}
