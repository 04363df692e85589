/**
 * A kind's schema as a plain tree, so that decoding, OpenAPI, patches and docs need not know zod. Built once per kind;
 * nodes and their `fields` are shared between kinds (every PodSpec is one) and may be cyclic: treat as immutable.
 */
import type { z } from 'zod'
import type { Kind } from '../kind.ts'
import type { KubernetesObject } from '../meta.ts'
import type { FieldMeta } from './fields.ts'
import type { ListNode, MapNode, NodeBase, ObjectNode, ScalarNode, SchemaNode } from './node.ts'
import { wholeObjectSchema } from './whole-object.ts'

export type { ListNode, MapNode, ObjectNode, ScalarNode, SchemaNode }

const KINDS = new WeakMap<object, ObjectNode>()
/** Keyed by zod's `def`, which copies of a schema under another description share. */
const OBJECTS = new WeakMap<object, Pick<ObjectNode, 'fields' | 'required'>>()

/** The whole object, with apiVersion, kind and metadata. */
export function describeSchema<T extends KubernetesObject>(kind: Kind<T>): ObjectNode {
  if (kind.custom) return kind.custom.node
  const known = KINDS.get(kind)
  if (known) return known
  const node = describeZod(wholeObjectSchema(kind))
  if (node.type !== 'object') throw new Error(`Cannot describe kind "${kind.kind}": its schema is a ${node.type}, wanted an object`)
  KINDS.set(kind, node)
  return node
}

/** One schema; for objects that are no kind's, such as `DeleteOptions` and `Scale`. */
export function describeZod(schema: z.ZodType): SchemaNode {
  return describe(schema, {})
}

type Def = { type: string; format?: string } & Record<string, unknown>

function describe(schema: z.ZodType, outer: FieldMeta): SchemaNode {
  const def = schema.def as unknown as Def
  const meta: FieldMeta = { ...schema.meta(), ...outer }
  switch (def.type) {
    case 'optional':
    case 'nullable':
    case 'default':
    case 'readonly':
      return describe(def.innerType as z.ZodType, meta)
    case 'lazy':
      return describe((def.getter as () => z.ZodType)(), meta)
    case 'object': {
      const shape = objectOf(def)
      const about = schema.meta()?.description
      const named = { ...(meta.component && { component: meta.component }), ...(about !== undefined && { componentDescription: about }) }
      return { type: 'object', ...named, ...base(meta), ...shape }
    }
    case 'array':
      return { type: 'list', items: describe(def.element as z.ZodType, {}), ...base(meta) }
    case 'record':
      return { type: 'map', values: describe(def.valueType as z.ZodType, {}), ...base(meta) }
    default:
      return scalar(def, meta)
  }
}

function objectOf(def: Def): Pick<ObjectNode, 'fields' | 'required'> {
  const known = OBJECTS.get(def)
  if (known) return known
  const fields: Record<string, SchemaNode> = Object.create(null)
  const requiredFields: string[] = []
  const made = { fields, required: requiredFields }
  // Before the fields are described: a schema that holds itself must find this node.
  OBJECTS.set(def, made)
  for (const [name, schema] of Object.entries(def.shape as Record<string, z.ZodType>)) {
    if ((schema.def as unknown as Def).type !== 'optional') requiredFields.push(name)
    fields[name] = describe(schema, {})
  }
  return made
}

function scalar(def: Def, meta: FieldMeta): ScalarNode {
  const format = meta.format && { format: meta.format }
  if (meta.format === 'int-or-string') return { type: 'int-or-string', ...base(meta), ...format }
  if (meta.format === 'quantity') return { type: 'quantity', ...base(meta), ...format }
  switch (def.type) {
    case 'string':
      return { type: 'string', ...base(meta), ...format }
    case 'enum':
      return { type: 'string', enum: Object.values(def.entries as Record<string, string>), ...base(meta), ...format }
    case 'boolean':
      return { type: 'boolean', ...base(meta) }
    case 'number':
      return { type: def.format ? 'integer' : 'number', ...base(meta), ...format }
    case 'any':
    case 'unknown':
      return { type: 'any', ...base(meta) }
    default:
      throw new Error(`Cannot describe a zod schema of type "${def.type}"`)
  }
}

function base(meta: FieldMeta): NodeBase {
  return { ...(meta.description !== undefined && { description: meta.description }), meta }
}
