import type { AnyObject } from '../session/index.ts'
import { isJsonObject } from '../session/index.ts'
import { alignColumns } from './tabs.ts'

/** https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables */
export interface Table {
  columnDefinitions: readonly TableColumn[]
  rows: readonly TableRow[]
  metadata?: { resourceVersion?: string; continue?: string }
}

export interface TableColumn {
  name: string
  type: string
  format?: string
  priority?: number
}

export interface TableRow {
  cells: readonly unknown[]
  /** Metadata only, unless the whole object was asked for. */
  object?: AnyObject
}

export interface TableOptions {
  wide?: boolean
  noHeaders?: boolean
  /** Starts with a column NAMESPACE. */
  withNamespace?: boolean
  /** `pod` or `deployment.apps`, put before names. */
  kindPrefix?: string
  showLabels?: boolean
  /** Labels to show in a column each. */
  labelColumns?: readonly string[]
  /** Kept from call to call while watching. */
  widths?: number[]
  /** First column, for `--output-watch-events`. */
  eventType?: string
}

/** A watch's later events leave out the columns. */
export function isTable(
  value: unknown,
): value is Omit<Table, 'columnDefinitions'> & { columnDefinitions?: Table['columnDefinitions'] | null } {
  return isJsonObject(value) && value.kind === 'Table' && Array.isArray(value.rows)
}

/** A Table as kubectl prints it; empty when it has no rows. */
export function printTable(table: Table, options: TableOptions = {}): string {
  if (table.rows.length === 0) return ''
  const shown = shownColumns(table, options)
  const rows = table.rows.map(row => rowCells(row, table, shown, options))
  const lines = options.noHeaders ? rows : [headerCells(table, shown, options), ...rows]
  return alignColumns(lines, options.widths ? { widths: options.widths } : {})
}

/** As wide as any, from the first line on. */
const EVENT_WIDTH = 'MODIFIED'.length

function shownColumns({ columnDefinitions }: Table, { wide }: TableOptions): number[] {
  return columnDefinitions.flatMap(({ priority = 0 }, at) => (wide || priority === 0 ? [at] : []))
}

function headerCells({ columnDefinitions }: Table, shown: readonly number[], options: TableOptions): string[] {
  const { eventType, withNamespace, labelColumns = [], showLabels } = options
  return [
    ...(eventType === undefined ? [] : ['EVENT'.padEnd(EVENT_WIDTH)]),
    ...(withNamespace ? ['NAMESPACE'] : []),
    ...shown.map(at => columnDefinitions[at]!.name.toUpperCase()),
    ...labelColumns.map(label => (label.split('/').at(-1) ?? label).toUpperCase()),
    ...(showLabels ? ['LABELS'] : []),
  ]
}

function rowCells({ cells, object }: TableRow, { columnDefinitions }: Table, shown: readonly number[], options: TableOptions): string[] {
  const { eventType, withNamespace, labelColumns = [], showLabels, kindPrefix } = options
  const labels = object?.metadata?.labels ?? {}
  return [
    ...(eventType === undefined ? [] : [eventType.padEnd(EVENT_WIDTH)]),
    ...(withNamespace ? [object?.metadata?.namespace ?? ''] : []),
    ...shown.map(at => {
      const text = cellText(cells[at])
      const isName = columnDefinitions[at]!.type === 'string' && columnDefinitions[at]!.format === 'name'
      return isName && kindPrefix ? `${kindPrefix}/${text}` : text
    }),
    ...labelColumns.map(label => labels[label] ?? ''),
    ...(showLabels ? [labelsText(labels)] : []),
  ]
}

/** One line, whatever the cell holds: a break would shift all that follows. */
export function cellText(cell: unknown): string {
  if (cell === null || cell === undefined) return '<none>'
  if (Array.isArray(cell)) return cell.map(String).join(',')
  const text = typeof cell === 'object' ? JSON.stringify(cell) : String(cell)
  const end = text.search(/[\n\r\f]/)
  return (end < 0 ? text : `${text.slice(0, end)}...`).replaceAll('\u001b', '^[')
}

/** `a=b,c=d` sorted, or `<none>`. */
export function labelsText(labels: Readonly<Record<string, string>>): string {
  const texts = Object.entries(labels).map(([name, value]) => `${name}=${value}`)
  return texts.sort().join(',') || '<none>'
}
