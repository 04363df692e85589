import { printTable, type Table, type TableOptions } from '../printers/index.ts'
import type { Query } from '../resources/index.ts'
import { isSameType, type ResourceType, typeLabel } from '../session/index.ts'

export interface FetchedTable {
  readonly query: Query
  readonly table: Table
}

export interface PrintOptions extends Pick<TableOptions, 'wide' | 'noHeaders' | 'showLabels' | 'labelColumns'> {
  allNamespaces?: boolean
  /** Kind before each name, as when several kinds are shown. */
  showKind?: boolean
}

/** All tables as one text: those of one type in a row share their columns, types are parted by an empty line. */
export function printTables(tables: readonly FetchedTable[], options: PrintOptions): string {
  const groups: { type: ResourceType; table: Table }[] = []
  for (const { query, table } of tables) {
    const last = groups.at(-1)
    if (last && isSameType(last.type, query.type)) last.table = { ...last.table, rows: [...last.table.rows, ...table.rows] }
    else groups.push({ type: query.type, table })
  }
  // Once a namespaced type has been shown the column stays, also where it is empty.
  let isWithNamespace = false
  return groups
    .map(({ type, table }) => {
      const shown = tableOptions(type, options)
      isWithNamespace ||= shown.withNamespace === true
      return printTable(table, { ...shown, withNamespace: isWithNamespace })
    })
    .filter(text => text !== '')
    .join(options.noHeaders ? '' : '\n')
}

/** How the table of one type is printed. */
export function tableOptions(type: ResourceType, { allNamespaces, showKind, ...options }: PrintOptions): TableOptions {
  return {
    ...options,
    withNamespace: allNamespaces === true && type.namespaced,
    ...(showKind && { kindPrefix: typeLabel(type) }),
  }
}
