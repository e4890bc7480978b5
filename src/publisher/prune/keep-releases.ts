/**
 * Which releases of a product stay. Pure; what is in doubt stays.
 *
 * @module
 */

/** What the choice depends on. */
export interface ReleaseFacts {
  readonly version: string;
  readonly counter: number;
  /** Those that point at it. */
  readonly channels: readonly string[];
  /** The counter that a device must have before it: a stepping stone. */
  readonly requires: number | undefined;
  /** Of a sealed release. */
  readonly epoch: number | undefined;
}

export interface KeepRules {
  /** So many of each product, by counter; at least 1. */
  readonly last: number;
  /** What these channels point at, and every release after it. */
  readonly channels: readonly string[];
  readonly versions: readonly string[];
}

/**
 * The releases of one product that none of the rules keeps. Kept in any case are the latest, from whose counter the
 * next one follows; what a channel points at; what a kept release requires; and the latest of the last sealing
 * epoch, from which the next epoch follows, or a recipient who was left out could read again.
 */
export function releasesToRemove<T extends ReleaseFacts>(releases: readonly T[], rules: KeepRules): T[] {
  const newestFirst = [...releases].sort((a, b) => b.counter - a.counter);
  const kept = new Set(newestFirst.slice(0, Math.max(1, rules.last)));
  const from = newestFirst.findLast(({ channels }) => channels.some((name) => rules.channels.includes(name)));
  for (const release of newestFirst) {
    const isNewer = from !== undefined && release.counter >= from.counter;
    if (isNewer || release.channels.length > 0 || rules.versions.includes(release.version)) kept.add(release);
  }
  const lastEpoch = releases.reduce((highest, { epoch = 0 }) => Math.max(highest, epoch), 0);
  const sealed = newestFirst.find(({ epoch = 0 }) => epoch > 0 && epoch === lastEpoch);
  if (sealed !== undefined) kept.add(sealed);
  // A set is walked over what is added meanwhile as well: a stepping stone may need one itself.
  for (const { requires, counter } of kept) {
    if (requires === undefined) continue;
    const stone = newestFirst.findLast((release) => release.counter >= requires && release.counter < counter);
    if (stone !== undefined) kept.add(stone);
  }
  return newestFirst.filter((release) => !kept.has(release));
}
