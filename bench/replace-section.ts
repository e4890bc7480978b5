/**
 * A page of which commands write parts: each between two comments that name it.
 *
 * @module
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/** `page` with `body` between `<!-- NAME -->` and `<!-- /NAME -->`. @throws Error when these are not there once */
export function replaceSection(page: string, name: string, body: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [before, inside, ...more] = page.split(begin);
  const after = inside?.split(end);
  if (before === undefined || after?.length !== 2 || more.length > 0) {
    throw new Error(`expected "${begin}" and "${end}" once each on the page`);
  }
  return `${before}${begin}\n\n${body.trim()}\n\n${end}${after[1]}`;
}

/** Writes `body` into the section `name` of the page at `path`, which must be there. */
export function writeSection(path: string, name: string, body: string): void {
  if (!existsSync(path)) throw new Error(`expected the page ${path}, which has the section ${name}`);
  writeFileSync(path, replaceSection(readFileSync(path, 'utf8'), name, body));
}
