/**
 * The guide to devices, by its code blocks.
 *
 * @module
 */
import { readFileSync } from 'node:fs';

export const deviceGuide: string = readFileSync(
  new URL('../../docs/guides/device.md', import.meta.url),
  'utf8',
);

export interface GuideBlock {
  /** The last heading before it, without `#`. */
  readonly section: string;
  /** What stands behind the backquotes. */
  readonly kind: string;
  readonly text: string;
}

/** All of them, in order. */
export const guideBlocks: readonly GuideBlock[] = [
  ...deviceGuide.matchAll(/^#+ (.+)$|^```(.+)\n([\s\S]*?)^```$/gm),
].reduce<{ section: string; blocks: GuideBlock[] }>(
  ({ section, blocks }, [, heading, kind, text]) => {
    if (heading !== undefined) return { section: heading, blocks };
    return { section, blocks: [...blocks, { section, kind: kind ?? '', text: text ?? '' }] };
  },
  { section: '', blocks: [] },
).blocks;

/** Texts of the blocks of `kind`, of one section or of all. */
export function textsOf(kind: string, section?: string): readonly string[] {
  return guideBlocks
    .filter((block) => block.kind === kind && (section === undefined || block.section === section))
    .map(({ text }) => text);
}

/** The only one. */
export function textOf(kind: string, section?: string): string {
  const [text, ...more] = textsOf(kind, section);
  if (text === undefined || more.length > 0) throw new Error(`expected one block of ${kind}, found others`);
  return text;
}

/** What commands print, with times, sizes and counts of requests that are always the same. */
export function withoutTimes(text: string): string {
  return text
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/g, '2026-11-22 09:30:00 UTC')
    .replaceAll(/\d+ B in \d+ requests/g, '511 B in 2 requests')
    .replaceAll(/[\d.]+ (bytes|KiB) in \d+ requests/g, '21.4 KiB in 6 requests');
}
