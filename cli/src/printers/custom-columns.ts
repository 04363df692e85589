import { valuesAtPath } from './json-path.ts'
import { parseRelaxedPath } from './json-path-parse.ts'
import { alignColumns } from './tabs.ts'

export interface CustomColumn {
  readonly header: string
  readonly path: string
}

/** Columns of `NAME:.metadata.name,IMAGE:.spec.image`. Throws in kubectl's words when one has no path. */
export function parseCustomColumns(spec: string): CustomColumn[] {
  if (spec.trim() === '') throw new Error('custom-columns format specified but no custom columns given')
  return splitColumns(spec).map(part => {
    const colon = part.indexOf(':')
    if (colon < 0) throw new Error(`unexpected custom-columns spec: ${part}, expected <header>:<json-path-expr>`)
    const column = { header: part.slice(0, colon), path: part.slice(colon + 1) }
    parseRelaxedPath(column.path)
    return column
  })
}

/** A file with the headers in its first line and the paths below them, in its second. */
export function parseCustomColumnsFile(text: string): CustomColumn[] {
  const [headers = [], paths = []] = text.split('\n').map(line => line.trim().split(/\s+/))
  if (headers.length !== paths.length)
    throw new Error(`number of headers (${headers.length}) and field specifications (${paths.length}) don't match`)
  return headers.map((header, at) => ({ header, path: paths[at]! }))
}

export function printCustomColumns(columns: readonly CustomColumn[], objects: readonly unknown[], { noHeaders = false } = {}): string {
  const rows = objects.map(object => columns.map(({ path }) => valuesAtPath(path, object).map(cell).join(',') || '<none>'))
  return alignColumns(noHeaders ? rows : [columns.map(({ header }) => header), ...rows])
}

/** Commas inside brackets and quotes belong to the path. */
function splitColumns(spec: string): string[] {
  return spec.match(/(?:\[[^\]]*\]|\{[^}]*\}|[^,])+/g) ?? []
}

/** As Go prints values in text: maps and lists in its own brackets. */
function cell(value: unknown): string {
  if (value === null || value === undefined) return '<none>'
  if (Array.isArray(value)) return `[${value.map(cell).join(' ')}]`
  if (typeof value === 'object') {
    const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
    return `map[${members.map(([name, member]) => `${name}:${cell(member)}`).join(' ')}]`
  }
  return String(value)
}
