/** What a bench says: progress for the person who waits, a table for readers, one JSON line for programs. */
import { writeFile } from 'node:fs/promises'
import { cpus, loadavg, release } from 'node:os'

export interface Report {
  bench: string
  title: string
  header: readonly string[]
  rows: readonly (readonly string[])[]
  /** Remarks below the table. */
  notes?: readonly string[]
  /** All that was measured. */
  figures: Readonly<Record<string, unknown>>
}

/** A line on standard error, so that standard output holds results only. */
export function progress(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** The machine a figure was taken on, without which it says little. */
export function machine(): Record<string, unknown> {
  return { processors: cpus().length, model: cpus()[0]?.model, kernel: release(), node: process.version, load: loadavg()[0] }
}

/** Prints the table and the JSON line, and writes the latter to `file` too when one is named. */
export async function printReport({ bench, title, header, rows, notes = [], figures }: Report, file: string | undefined): Promise<void> {
  const line = JSON.stringify({ bench, ...figures })
  process.stdout.write(`\n${title}\n\n${formatTable([header, ...rows])}\n${notes.map(note => `${note}\n`).join('')}\n${line}\n`)
  if (file) await writeFile(file, `${line}\n`)
}

/** Columns as wide as their widest cell; the first row is underlined. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(...rows.map(row => row.length))
  const widths = Array.from({ length: columns }, (_, column) => Math.max(...rows.map(row => (row[column] ?? '').length)))
  const lines = rows.map(row =>
    widths
      .map((width, column) => pad(row[column] ?? '', width, column))
      .join('  ')
      .trimEnd(),
  )
  lines.splice(
    1,
    0,
    widths
      .map(width => '-'.repeat(width))
      .join('  ')
      .trimEnd(),
  )
  return `${lines.join('\n')}\n`
}

function pad(cell: string, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width)
}

export const seconds = (value: number): string => `${value.toFixed(2)} s`
export const ratio = (value: number): string => value.toFixed(2)
export const verdict = (met: boolean): string => (met ? 'met' : 'MISSED')
