/**
 * Columns as Go's tabwriter sets them for kubectl: cells of one column are as wide as its widest plus three spaces, at least
 * six in all, and the last cell of a line is left as it is.
 */
export interface TabOptions {
  /** Columns at least as wide as before, and remembered for the next call: for rows that come one by one. */
  widths?: number[]
  minWidth?: number
  padding?: number
}

/** Rows of cells as lines, each ending in a newline. */
export function alignColumns(rows: readonly (readonly string[])[], { widths = [], minWidth = 6, padding = 3 }: TabOptions = {}): string {
  for (const row of rows) {
    for (const [at, cell] of row.slice(0, -1).entries()) widths[at] = Math.max(widths[at] ?? minWidth, textWidth(cell) + padding)
  }
  return rows
    .map(row => `${row.map((cell, at) => (at === row.length - 1 ? cell : cell + ' '.repeat(widths[at]! - textWidth(cell)))).join('')}\n`)
    .join('')
}

/** In characters, as tabwriter counts; not in UTF-16 units. */
function textWidth(text: string): number {
  // Most cells are ASCII, where the count is the length.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII is meant.
  return /^[\x00-\x7f]*$/.test(text) ? text.length : [...text].length
}
