/**
 * Memory outside V8's heap (buffers of sockets and of zlib) is freed when V8 collects the small objects that
 * own it, and V8 lets 64 MiB and more of it gather before it looks: too much where all of silt shall stay
 * below 160 MiB. So whoever works through many buffers asks for a collection of young objects now and then;
 * it takes about a millisecond.
 *
 * @module
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MiB } from './sizes.ts';

type Collect = (options: { readonly type: 'minor' | 'major' }) => void;

/** Bytes of buffers dropped between two collections. */
const INTERVAL: number = 4 * MiB;

let collect: Collect | undefined;
let dropped = 0;

/** Says that buffers of `bytes` in all have been dropped, and collects them when they have become many. */
export function droppedBuffers(bytes: number): void {
  dropped += bytes;
  if (dropped < INTERVAL) return;
  dropped = 0;
  collectNow('minor');
}

/** Says that a phase of work is over and what it held is dropped: some 30 ms, a few times a run. */
export function droppedPhase(): void {
  dropped = 0;
  collectNow('major');
}

function collectNow(type: 'minor' | 'major'): void {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as Collect;
  }
  collect({ type });
}
