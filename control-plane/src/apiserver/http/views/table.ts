/** `Table` output: what `kubectl get` prints, worked out by the server from the kind's columns. */
import { badRequest, type Kind, type KubernetesObject, type ListMeta, type PrinterColumn } from '@davit/api'
import type { AnswerForm } from '../negotiation/accept.ts'
import { metadataOf } from './metadata.ts'
import type { IncludeObject, View, ViewOptions } from './types.ts'

/** Throws BadRequest for a value Kubernetes does not know. */
export function parseIncludeObject(text: string | null): IncludeObject {
  if (text === null || text === '') return 'Metadata'
  if (text === 'None' || text === 'Metadata' || text === 'Object') return text
  throw badRequest(`unrecognized includeObject value: ${JSON.stringify(text)}`)
}

export function tableView(kind: Kind, version: AnswerForm['version'], { includeObject, now, watch }: ViewOptions): View {
  const columns = kind.columns
  const definitions = JSON.stringify(columns.map(definitionOf))
  // Of users' columns nothing is shown as nothing.
  const nothing = kind.custom ? null : '<none>'
  let definitionsSent = false

  const head = (metadata: ListMeta): string => {
    const shown = watch && definitionsSent ? 'null' : definitions
    definitionsSent = true
    return `{"kind":"Table","apiVersion":"meta.k8s.io/${version}","metadata":${JSON.stringify(metadata)},"columnDefinitions":${shown},"rows":[`
  }
  const row: View['item'] = stored => {
    const cells = JSON.stringify(columns.map(column => cellOf(column, stored.object, now()) ?? nothing))
    if (includeObject === 'None') return `{"cells":${cells},"object":null}`
    if (includeObject === 'Metadata') return `{"cells":${cells},"object":${metadataOf(stored.object, version)}}`
    return Buffer.concat([Buffer.from(`{"cells":${cells},"object":`), stored.bytes, Buffer.from('}')])
  }
  return {
    single: stored => {
      const version = stored.object.metadata.resourceVersion
      const parts = [head(version ? { resourceVersion: version } : {}), row(stored), ']}']
      return Buffer.concat(parts.map(part => Buffer.from(part as string)))
    },
    open: head,
    item: row,
    close: ']}\n',
    bookmark: revision => `${head({ resourceVersion: `${revision}` })}]}`,
  }
}

function definitionOf(column: PrinterColumn<KubernetesObject>): object {
  return {
    name: column.name,
    // Ages are worked out here, so to the client they are text.
    type: column.type === 'date' ? 'string' : column.type,
    format: column.format ?? '',
    description: column.description,
    priority: column.priority ?? 0,
  }
}

function cellOf(column: PrinterColumn<KubernetesObject>, object: KubernetesObject, now: number): string | number | boolean | undefined {
  return column.value(object, now)
}
