/**
 * What is found wrong with a configuration: every finding has a line and a column that exist, and says what was
 * expected and what was found. All are gathered, up to a cap, and told in the order of the file.
 *
 * @module
 */

/** Both count from one. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface Finding extends Position {
  /** The member, such as `components[0].installer.type`; empty for the file as a whole. */
  readonly member: string;
  readonly message: string;
}

/** More than this many of one kind are not told: somebody has named the wrong file. */
export const MAX_FINDINGS = 100;

/** Gathers findings. */
export interface Findings {
  add(at: Position, member: string, message: string): void;
  /** In the order of the file. */
  list(): readonly Finding[];
}

export function createFindings(): Findings {
  const found: Finding[] = [];
  return {
    add({ line, column }, member, message) {
      if (found.length < MAX_FINDINGS) found.push({ line, column, member, message });
    },
    list: () => [...found].sort((a, b) => a.line - b.line || a.column - b.column),
  };
}

/** A finding as compilers write theirs, so that editors can jump to it: `device.yaml:12:7: …`. */
export function formatFinding(path: string, { line, column, member, message }: Finding): string {
  return `${path}:${line}:${column}: ${member === '' ? '' : `${member}: `}${message}`;
}

/** Told of a text that was found. */
const MAX_QUOTED = 60;

/** `text` in quotes, on one line, shortened where it is long. */
export function quoted(text: string): string {
  const short = text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text;
  return oneLine(JSON.stringify(short));
}

/** `text` without what would spoil a terminal or a log: control characters and other ends of lines. */
export function oneLine(text: string): string {
  return text.replaceAll(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
