/**
 * The gate between bytes from anywhere and the target: only a {@link VerifiedWindow} can be written, and
 * only {@link verifyWindow} makes one.
 *
 * @module
 */
import { equalBytes, isZero } from '../core/bytes.ts';
import { sha256 } from '../core/digest.ts';
import type { WindowEntry } from '../format/index-head.ts';

declare const verified: unique symbol;

/** Bytes of a window that have the digest the index gives. */
export interface VerifiedWindow {
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly [verified]: true;
}

/** `bytes` as a verified window, or `undefined` when they are not what level 1 says. */
export function verifyWindow(window: WindowEntry, bytes: Uint8Array): VerifiedWindow | undefined {
  if (!isWindow(window, bytes)) return undefined;
  return { offset: window.offset, bytes } as VerifiedWindow;
}

/** True when `bytes` are the window's. */
export function isWindow(window: WindowEntry, bytes: Uint8Array): boolean {
  if (bytes.length !== window.length) return false;
  return window.digest === undefined ? isZero(bytes) : equalBytes(sha256(bytes), window.digest);
}
