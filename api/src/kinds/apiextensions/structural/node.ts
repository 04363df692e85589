/** A user's schema as the tree by which objects are merged and owned. */
import type { FieldMeta } from '../../../schema/fields.ts'
import type { ListNode, ObjectNode, SchemaNode } from '../../../schema/node.ts'
import { additionalOf, isEmbedded, isIntOrString, type JsonSchema, preservesUnknown } from './json-schema.ts'

/** What stands where a schema says nothing. */
const ANYTHING: SchemaNode = { type: 'any', meta: {} }

/** The tree of a whole object; `metadata` as every object has it. The root has no component: nobody owns its empty parts. */
export function rootNode(schema: JsonSchema, metadata: SchemaNode): ObjectNode {
  const node = nodeOf(schema, metadata)
  if (node.type === 'object') return node
  return { type: 'object', meta: {}, fields: objectFields(metadata), required: [], others: ANYTHING }
}

function nodeOf(schema: JsonSchema, metadata: SchemaNode, isRoot = true): SchemaNode {
  const meta = metaOf(schema)
  if (isIntOrString(schema)) return { type: 'int-or-string', meta }
  switch (schema.type) {
    case 'object':
      return objectNode(schema, metadata, isRoot)
    case 'array': {
      const list: ListNode = { type: 'list', meta, items: schema.items ? nodeOf(schema.items, metadata, false) : ANYTHING }
      return list
    }
    case 'string':
    case 'integer':
    case 'number':
    case 'boolean':
      return { type: schema.type, meta }
    default:
      return { type: 'any', meta }
  }
}

function objectNode(schema: JsonSchema, metadata: SchemaNode, isRoot: boolean): SchemaNode {
  const meta = metaOf(schema)
  const additional = additionalOf(schema)
  const isWhole = isRoot || isEmbedded(schema)
  if (additional && !isWhole) return { type: 'map', meta, values: nodeOf(additional, metadata, false) }
  const fields: Record<string, SchemaNode> = Object.create(null)
  for (const [name, property] of Object.entries(schema.properties ?? {})) fields[name] = nodeOf(property, metadata, false)
  if (isWhole) Object.assign(fields, objectFields(metadata))
  const isOpen = preservesUnknown(schema) || schema.additionalProperties === true || additional
  return {
    type: 'object',
    meta,
    fields,
    required: [],
    ...(isOpen && { others: additional ? nodeOf(additional, metadata, false) : ANYTHING }),
  }
}

function objectFields(metadata: SchemaNode): Record<string, SchemaNode> {
  const text: SchemaNode = { type: 'string', meta: {} }
  return Object.assign(Object.create(null), { apiVersion: text, kind: text, metadata })
}

function metaOf(schema: JsonSchema): FieldMeta {
  const listType = schema['x-kubernetes-list-type']
  const mapType = schema['x-kubernetes-map-type']
  return {
    ...(schema.type === 'array' && { listType: listType === 'set' || listType === 'map' ? listType : ('atomic' as const) }),
    ...(listType === 'map' && { listMapKeys: schema['x-kubernetes-list-map-keys'] ?? [] }),
    ...(mapType === 'atomic' && { mapType: 'atomic' as const }),
    ...(typeof schema.default === 'string' && { default: schema.default }),
  }
}
