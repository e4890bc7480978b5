/**
 * From figures to the rows of a table: the best of each column is marked, a missing figure points to the reason.
 *
 * @module
 */
import { NO_FIGURE, type ReportTable, type TableCell } from './report-table.ts';

/** A figure and its text; `undefined` when it was not measured, for `reason` if one is known. */
export interface Figure {
  readonly value: number | undefined;
  readonly text: string;
  readonly reason?: string | undefined;
  /** False for what must not be called the best of its column. Default: true */
  readonly competes?: boolean;
}

export interface FigureRow {
  readonly name: string;
  readonly figures: readonly Figure[];
}

/** A figure that was measured. */
export function figure(value: number, format: (value: number) => string): Figure {
  return { value, text: format(value) };
}

/** A figure that was not. */
export function noFigure(reason: string | undefined): Figure {
  return { value: undefined, text: NO_FIGURE, reason };
}

/** The rows, and their notes: the same reason has the same number. A row without figures and reasons goes. */
export function drawRows(rows: readonly FigureRow[]): Pick<ReportTable, 'rows' | 'notes'> {
  const told = rows.filter(({ figures }) =>
    figures.some(({ value, reason }) => value !== undefined || reason !== undefined),
  );
  const columns = told[0]?.figures.length ?? 0;
  const best = Array.from({ length: columns }, (_, column) => bestOf(told.map((row) => row.figures[column])));
  const notes: string[] = [];
  const cellOf = ({ value, text, reason, competes }: Figure, column: number): TableCell => {
    if (value !== undefined) return { text, best: competes !== false && text === best[column] };
    if (reason === undefined) return { text };
    if (!notes.includes(reason)) notes.push(reason);
    return { text, note: notes.indexOf(reason) + 1 };
  };
  return { rows: told.map(({ name, figures }) => [{ text: name }, ...figures.map(cellOf)]), notes };
}

/** As it is printed: what looks the same is equally good. Nothing is best where all look the same. */
function bestOf(figures: readonly (Figure | undefined)[]): string | undefined {
  const competing = figures.filter((one) => one?.value !== undefined && one.competes !== false) as Figure[];
  const [least] = competing.toSorted((a, b) => (a.value as number) - (b.value as number));
  return competing.some(({ text }) => text !== least?.text) ? least?.text : undefined;
}
