/**
 * Makes V8 prefer little memory to speed, as a device wants it: a young generation that does not grow, and
 * code that is compiled with an eye on its size. docs/decisions/0008-device-memory.md has the figures.
 *
 * @module
 */
import { setFlagsFromString } from 'node:v8';

/** To be called before anything large is loaded. */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--optimize-for-size');
}
