/**
 * Small tables for people: columns as wide as their widest cell.
 *
 * @module
 */

/**
 * One line a row, two spaces between columns, nothing behind the last cell.
 *
 * @param rightFrom the first column that is aligned to the right, as figures are. Default: none
 */
export function alignRows(
  rows: readonly (readonly string[])[],
  rightFrom: number = Number.POSITIVE_INFINITY,
): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column >= rightFrom ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
}
