/**
 * The version of a Go program that has no option to tell it: the linker has written it into the program.
 *
 * @module
 */

/** A list of modules begins with the main package and the module that it is of. */
const HEAD = /^path\t\S+\nmod\t\S+\tv([^\s\t]+)/;
const MARK = 'path\t';
const MAX_HEAD_BYTES = 1024;

/** The version of the main module, without its `v`; `undefined` when `program` names none. */
export function goVersion(program: Buffer): string | undefined {
  for (let at = program.indexOf(MARK); at !== -1; at = program.indexOf(MARK, at + MARK.length)) {
    const [, version] = HEAD.exec(program.toString('latin1', at, at + MAX_HEAD_BYTES)) ?? [];
    if (version !== undefined) return version;
  }
  return undefined;
}
