import { isReason } from '@davit/api'
import { isTable, type Table } from '../printers/index.ts'
import type { Query } from '../resources/index.ts'
import type { AnyObject, ResourceType, Session } from '../session/index.ts'

/** Tables first; a server that has none for a kind gives the objects themselves. */
const TABLE_ACCEPT = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json'

export interface FetchOptions {
  selector?: string | undefined
  fieldSelector?: string | undefined
  subresource?: string | undefined
  /** Whole objects in a table's rows, for sorting. */
  withObjects?: boolean
}

/** What a query gives, as a table. */
export async function fetchTable(session: Session, { type, namespace, name }: Query, options: FetchOptions): Promise<Table> {
  const { subresource, withObjects } = options
  const query = { ...(withObjects && { includeObject: 'Object' }) }
  if (name !== undefined) {
    const place = { namespace, name, ...(subresource && { subresource }) }
    return asTable(await session.api.get(type, place, { accept: TABLE_ACCEPT, query }))
  }
  return asTable(await session.api.list(type, { namespace }, { accept: TABLE_ACCEPT, query: { ...query, ...selectorsOf(options) } }))
}

/** What a query gives, as objects with their apiVersion and kind. */
export async function fetchObjects(session: Session, { type, namespace, name }: Query, options: FetchOptions): Promise<AnyObject[]> {
  const { subresource } = options
  if (name !== undefined) return [await session.api.get(type, { namespace, name, ...(subresource && { subresource }) })]
  const list = await session.api.list(type, { namespace }, { query: selectorsOf(options) })
  return list.items.map(item => withType(item, type))
}

export interface TableEvent {
  readonly type: string
  readonly table: Table
}

/** Changes after `resourceVersion`, each as a table of one row. Goes on when the server ends the watch. */
export async function* watchTables(
  session: Session,
  { type, namespace, name }: Query,
  { resourceVersion, ...options }: FetchOptions & { resourceVersion: string | undefined },
): AsyncGenerator<TableEvent, void, void> {
  let columns: Table['columnDefinitions'] = []
  for await (const { type: event, object } of watchFrom(session, { type, namespace, ...(name && { name }) }, TABLE_ACCEPT, {
    ...options,
    resourceVersion,
  })) {
    const table = asTable(object)
    // Only a watch's first event names the columns.
    if (table.columnDefinitions.length > 0) columns = table.columnDefinitions
    yield { type: event, table: { ...table, columnDefinitions: columns } }
  }
}

/** As `watchTables`, as objects. */
export async function* watchObjects(
  session: Session,
  query: Query,
  options: FetchOptions & { resourceVersion: string | undefined },
): AsyncGenerator<{ type: string; object: AnyObject }, void, void> {
  for await (const { type, object } of watchFrom(session, query, 'application/json', options)) {
    yield { type, object: withType(object, query.type) }
  }
}

async function* watchFrom(
  session: Session,
  { type, namespace, name }: Query,
  accept: string,
  options: FetchOptions & { resourceVersion: string | undefined },
): AsyncGenerator<{ type: string; object: AnyObject }, void, void> {
  let version = options.resourceVersion
  const fieldSelector = name === undefined ? options.fieldSelector : `metadata.name=${name}`
  for (;;) {
    const query = {
      ...selectorsOf({ ...options, fieldSelector }),
      ...(version && { resourceVersion: version }),
      ...(options.withObjects && { includeObject: 'Object' }),
      allowWatchBookmarks: true,
    }
    try {
      for await (const event of session.api.watch(type, { namespace }, { accept, query })) {
        version = versionOf(event.object) ?? version
        if (event.type !== 'BOOKMARK') yield event
      }
    } catch (err) {
      if (!isReason(err, 'Expired') && !isReason(err, 'Gone')) throw err
      // What happened between is lost to everyone; go on from now.
      version = (await session.api.list(type, { namespace }, { query: { ...selectorsOf({ ...options, fieldSelector }), limit: 1 } }))
        .metadata?.resourceVersion
    }
  }
}

function selectorsOf({ selector, fieldSelector }: FetchOptions): Record<string, string> {
  return { ...(selector && { labelSelector: selector }), ...(fieldSelector && { fieldSelector }) }
}

function versionOf(object: AnyObject): string | undefined {
  if (!isTable(object)) return object.metadata?.resourceVersion
  return object.rows[0]?.object?.metadata?.resourceVersion ?? object.metadata?.resourceVersion
}

function withType(item: AnyObject, { group, version, kind }: ResourceType): AnyObject {
  return { ...item, apiVersion: item.apiVersion ?? (group ? `${group}/${version}` : version), kind: item.kind ?? kind }
}

/** An answer without columns of its own shows names and ages. */
function asTable(answer: unknown): Table {
  if (isTable(answer)) return { ...answer, columnDefinitions: answer.columnDefinitions ?? [] }
  const objects = Array.isArray((answer as { items?: unknown }).items) ? (answer as { items: AnyObject[] }).items : [answer as AnyObject]
  return {
    columnDefinitions: [
      { name: 'Name', type: 'string', format: 'name' },
      { name: 'Created At', type: 'string' },
    ],
    rows: objects.map(object => ({ cells: [object.metadata.name, object.metadata.creationTimestamp], object })),
    metadata: (answer as { metadata?: { resourceVersion?: string } }).metadata ?? {},
  }
}
