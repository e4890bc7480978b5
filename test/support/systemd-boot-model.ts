/**
 * The decisions of systemd-boot about entries with and without counters, over a directory of files: which one it
 * starts, and the new name that it gives it before that.
 *
 * @module
 */
import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';

interface ModelEntry {
  readonly file: string;
  readonly id: string;
  readonly left: number | undefined;
  readonly done: number;
}

/** Starts an entry of `directory`: counts it down, and tells its file's name before and its id without counters. */
export async function systemdBoot(directory: string): Promise<string | undefined> {
  const entries = (await readdir(directory))
    .filter((file) => file.endsWith('.conf') && !file.startsWith('.'))
    .map(modelEntry)
    .sort(inOrder);
  const [chosen] = entries;
  if (chosen?.left !== undefined) {
    const stem = chosen.id.slice(0, -'.conf'.length);
    const next = `${stem}+${Math.max(0, chosen.left - 1)}-${chosen.done + 1}.conf`;
    await rename(join(directory, chosen.file), join(directory, next));
  }
  return chosen?.id;
}

function modelEntry(file: string): ModelEntry {
  const found = /^(.*)\+(\d+)(?:-(\d+))?\.conf$/.exec(file);
  if (found === null) return { file, id: file, left: undefined, done: 0 };
  return { file, id: `${found[1]}.conf`, left: Number(found[2]), done: Number(found[3] ?? 0) };
}

/** Without tries last; then by id, newest first; then, of two that count, the one with more left. */
function inOrder(a: ModelEntry, b: ModelEntry): number {
  const out = Number(a.left === 0) - Number(b.left === 0);
  return out || -compareVersions(a.id, b.id) || (b.left ?? 0) - (a.left ?? 0);
}

/** Runs of digits as numbers, the rest as text. */
function compareVersions(a: string, b: string): number {
  const [left, right] = [a.split(/(\d+)/), b.split(/(\d+)/)];
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const [x = '', y = ''] = [left[at], right[at]];
    const order = at % 2 === 1 ? Number(x) - Number(y) : Number(x > y) - Number(x < y);
    if (order !== 0) return order;
  }
  return 0;
}
