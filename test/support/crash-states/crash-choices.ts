/**
 * What may be left of pending changes: for each one, whether it reached the medium, or how much of it.
 *
 * @module
 */
import { seededRandom } from '../seeded-bytes.ts';
import type { DataChange, NameChange } from './disk-model.ts';

export interface Choice {
  /** For people: which choice it was. */
  readonly what: string;
  keepsName(change: NameChange): boolean;
  /** What reached the medium of one change of a file's bytes. */
  left(change: DataChange): readonly DataChange[];
}

const SECTOR = 512;
const BLOCK = 4096;
/** Up to so many pending changes every subset is tried. */
const MOST_FOR_ALL = 5;

const all = <T>(change: T): readonly T[] => [change];
const none = (): readonly never[] => [];

/** What a kill leaves, and the three corners that file systems are known for. */
const corners: readonly Choice[] = [
  { what: 'all is kept', keepsName: () => true, left: all },
  { what: 'nothing is kept', keepsName: () => false, left: none },
  { what: 'names without bytes', keepsName: () => true, left: none },
  { what: 'lengths without bytes', keepsName: () => true, left: onlyLength },
  { what: 'bytes without names', keepsName: () => false, left: all },
];

/**
 * Ways in which `pending` changes may be cut: all subsets when there are few, else a sample; then torn ones.
 *
 * @param samples how many at most, besides the corners and the subsets of few
 */
export function* crashChoices(pending: number, samples: number, seed: number): Generator<Choice> {
  yield corners[0] as Choice;
  if (pending === 0) return;
  yield* corners.slice(1);
  if (pending <= MOST_FOR_ALL) {
    for (let bits = 1; bits < 2 ** pending - 1; bits++) yield subset(bits);
  }
  for (let k = 0; k < samples; k++) yield sampled(seed * 1009 + k);
}

/** Changes are asked about in the same order every time. */
function subset(bits: number): Choice {
  let at = 0;
  const next = (): boolean => ((bits >> at++) & 1) === 1;
  return {
    what: `subset ${bits.toString(2)}`,
    keepsName: next,
    left: (change) => (next() ? [change] : []),
  };
}

function sampled(seed: number): Choice {
  const random = seededRandom(seed);
  const often = [0.1, 0.5, 0.9];
  const pick = (): number => often[Math.floor(random() * often.length)] as number;
  const [names, bytes, torn] = [pick(), pick(), pick()];
  return {
    what: `sample ${seed}`,
    keepsName: () => random() < names,
    left(change) {
      if (change.kind === 'write' && random() < torn) return tear(change, bytes, random);
      return random() < bytes ? [change] : [];
    },
  };
}

function onlyLength(change: DataChange): readonly DataChange[] {
  return change.kind === 'write' ? [{ kind: 'extend', size: change.at + change.bytes.length }] : [change];
}

/** Any of the sectors, or of the blocks, that the write touches; its length with them or not. */
function tear(
  { at, bytes }: { readonly at: number; readonly bytes: Uint8Array },
  share: number,
  random: () => number,
): readonly DataChange[] {
  const unit = random() < 0.5 ? SECTOR : BLOCK;
  const left: DataChange[] = random() < 0.5 ? [{ kind: 'extend', size: at + bytes.length }] : [];
  for (let from = 0; from < bytes.length; ) {
    const to = Math.min(bytes.length, from + unit - ((at + from) % unit));
    if (random() < share) left.push({ kind: 'write', at: at + from, bytes: bytes.subarray(from, to) });
    from = to;
  }
  return left;
}
