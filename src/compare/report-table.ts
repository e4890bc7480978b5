/**
 * A table before it is drawn, and drawn as lines for a terminal and as Markdown. What is missing has a note
 * that says why; the best of a column is marked.
 *
 * @module
 */

export interface TableCell {
  readonly text: string;
  /** The best of its column. */
  readonly best?: boolean;
  /** Number of the note that belongs to it, from 1. */
  readonly note?: number;
}

export interface ReportTable {
  readonly title: string;
  /** What holds for the whole table, a sentence a line. */
  readonly caption: readonly string[];
  /** The first column names things, the others are figures. */
  readonly head: readonly string[];
  readonly rows: readonly (readonly TableCell[])[];
  /** The reasons that cells name by number. */
  readonly notes: readonly string[];
  /** What else is worth knowing. */
  readonly remarks: readonly string[];
}

/** Stands where there is no figure. */
export const NO_FIGURE = '–';

/** Lines of spaces and characters only: names to the left, figures to the right, `*` at the best of a column. */
export function drawTerminalTable({ title, caption, head, rows, notes, remarks }: ReportTable): string[] {
  const drawn = rows.map((row) =>
    row.map((cell, column) => {
      const text = cell.text + superscript(cell.note);
      // The mark has a place of its own, so that figures stay below each other.
      return column === 0 ? text : text + (cell.best ? '*' : ' ');
    }),
  );
  const heads = head.map((name, column) => (column === 0 ? name : `${name} `));
  const widths = heads.map((name, column) =>
    Math.max(name.length, ...drawn.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((text, column) =>
        column === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  const marked = rows.some((row) => row.some(({ best }) => best));
  return [
    title,
    ...caption,
    '',
    line(heads),
    widths.map((width) => '─'.repeat(width)).join('──'),
    ...drawn.map(line),
    ...(marked || notes.length + remarks.length > 0 ? [''] : []),
    ...(marked ? ['* the best of its column'] : []),
    ...notes.map((note, index) => `${superscript(index + 1)} ${note}`),
    ...remarks,
  ];
}

/** A GitHub table with its title as a heading; the best of a column is bold. */
export function drawMarkdownTable(table: ReportTable, headingLevel = 3): string[] {
  const { title, caption, notes, remarks } = table;
  const below = [
    ...notes.map((note, index) => `${superscript(index + 1)} ${escapeMarkdown(note)}`),
    ...remarks.map(escapeMarkdown),
  ];
  return [
    `${'#'.repeat(headingLevel)} ${escapeMarkdown(title)}`,
    '',
    ...(caption.length > 0 ? [escapeMarkdown(caption.join(' ')), ''] : []),
    ...drawMarkdownRows(table),
    ...(below.length > 0 ? [''] : []),
    // A backslash breaks the line.
    ...below.map((line, index) => (index < below.length - 1 ? `${line}\\` : line)),
  ];
}

/** The rows alone, to be set into a text that has words of its own. */
export function drawMarkdownRows({ head, rows }: Pick<ReportTable, 'head' | 'rows'>): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    line(head.map(escapeMarkdown)),
    `|${head.map((_, column) => (column === 0 ? '---' : '--:')).join('|')}|`,
    ...rows.map((row) =>
      line(
        row.map(({ text, best, note }) => {
          const escaped = escapeMarkdown(text);
          return (best ? `**${escaped}**` : escaped) + superscript(note);
        }),
      ),
    ),
  ];
}

function escapeMarkdown(text: string): string {
  return text.replaceAll(/[\\|*_<>[\]`]/g, '\\$&').replaceAll(/\s*\n\s*/g, ' ');
}

/** Characters of one column each, in a terminal as in Markdown. */
export function superscript(note: number | undefined): string {
  return note === undefined ? '' : [...String(note)].map((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]).join('');
}
