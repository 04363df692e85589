/** The tree that a schema is for decoding, OpenAPI, patches and docs. */
import type { FieldMeta } from './fields.ts'

export interface NodeBase {
  readonly description?: string
  /** Merge keys, formats and the rest that zod does not know; the use's own where it differs from the shared object's. */
  readonly meta: FieldMeta
}

export interface ObjectNode extends NodeBase {
  readonly type: 'object'
  /** OpenAPI component, such as `PodSpec`. */
  readonly component?: string
  /** What the component is, whichever field uses it. */
  readonly componentDescription?: string
  /** Without prototype, so that any key may be looked up. */
  readonly fields: Readonly<Record<string, SchemaNode>>
  readonly required: readonly string[]
  /** What fields of other names are, where the object may have them. Default: there are none. */
  readonly others?: SchemaNode
}

export interface MapNode extends NodeBase {
  readonly type: 'map'
  readonly values: SchemaNode
}

export interface ListNode extends NodeBase {
  readonly type: 'list'
  readonly items: SchemaNode
}

export interface ScalarNode extends NodeBase {
  /** `any` is free-form JSON. */
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'int-or-string' | 'quantity' | 'any'
  /** Only of strings. */
  readonly enum?: readonly string[]
  /** `int32`, `int64`, `date-time`, `byte`. */
  readonly format?: string
}

export type SchemaNode = ObjectNode | MapNode | ListNode | ScalarNode
