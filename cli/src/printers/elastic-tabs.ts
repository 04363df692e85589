/**
 * Text with tabs set in columns as Go's tabwriter does it: a column is as wide as its widest cell in neighbouring lines, plus
 * padding, and ends where a line has no such cell. What follows a line's last tab belongs to no column.
 */
export function elasticTabs(text: string, { minWidth = 0, padding = 2 } = {}): string {
  const endsInNewline = text.endsWith('\n')
  const lines = (endsInNewline ? text.slice(0, -1) : text).split('\n').map(line => line.split('\t'))
  const widths: number[][] = lines.map(() => [])
  setColumn(lines, widths, { from: 0, to: lines.length, column: 0, minWidth, padding })
  const set = lines.map((cells, at) =>
    cells.map((cell, column) => pad(cell, column < cells.length - 1 ? (widths[at]![column] ?? 0) : 0)).join(''),
  )
  return set.join('\n') + (endsInNewline ? '\n' : '')
}

interface Block {
  from: number
  to: number
  column: number
  minWidth: number
  padding: number
}

function setColumn(lines: readonly string[][], widths: number[][], { from, to, column, minWidth, padding }: Block): void {
  const hasCell = (at: number) => column < lines[at]!.length - 1
  for (let start = from; start < to; start++) {
    if (!hasCell(start)) continue
    let end = start
    let width = minWidth
    for (; end < to && hasCell(end); end++) width = Math.max(width, [...lines[end]![column]!].length + padding)
    for (let at = start; at < end; at++) widths[at]![column] = width
    setColumn(lines, widths, { from: start, to: end, column: column + 1, minWidth, padding })
    start = end
  }
}

function pad(cell: string, width: number): string {
  const missing = width - [...cell].length
  return missing > 0 ? cell + ' '.repeat(missing) : cell
}
