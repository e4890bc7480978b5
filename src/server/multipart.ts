/**
 * Several ranges of an object as one body: multipart/byteranges of RFC 9110 §14.6.
 *
 * @module
 */
import { randomBytes } from 'node:crypto';
import type { Span } from './byte-range.ts';

/** What a body is made of, in order: bytes as they are, and bytes of the object. */
export type Piece = Uint8Array | Span;

export interface Multipart {
  /** For the Content-Type of the answer. */
  readonly contentType: string;
  /** Bytes of all pieces together. */
  readonly length: number;
  readonly pieces: readonly Piece[];
}

/** The body that holds `spans` of an object of `size` bytes and of the type `type`, in the order given. */
export function multipart(spans: readonly Span[], size: number, type: string): Multipart {
  // Chance alone keeps it out of the object: whoever made that could have put in any other.
  const boundary = randomBytes(16).toString('hex');
  const pieces: Piece[] = spans.flatMap((span) => [
    Buffer.from(
      `\r\n--${boundary}\r\ncontent-type: ${type}\r\ncontent-range: ${contentRange(span, size)}\r\n\r\n`,
    ),
    span,
  ]);
  pieces.push(Buffer.from(`\r\n--${boundary}--\r\n`));
  const length = pieces.reduce((sum, piece) => sum + pieceLength(piece), 0);
  return { contentType: `multipart/byteranges; boundary=${boundary}`, length, pieces };
}

/** The Content-Range of `span` of an object of `size` bytes. */
export function contentRange({ start, end }: Span, size: number): string {
  return `bytes ${start}-${end - 1}/${size}`;
}

function pieceLength(piece: Piece): number {
  return piece instanceof Uint8Array ? piece.byteLength : piece.end - piece.start;
}
