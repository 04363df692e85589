/** Values of JSON as CEL has them, by the schema: whole numbers, points in time, durations; names that CEL could not say. */

import { Budget, type CelType, celEnvironment } from '../../../cel/index.ts'
import {
  additionalOf,
  isEmbedded,
  isIntOrString,
  isObject,
  type JsonSchema,
  preservesUnknown,
  propertyOf,
} from '../structural/json-schema.ts'

const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return'.split(' '),
)

/** What a property is called in an expression. */
export function escapedName(name: string): string {
  if (RESERVED.has(name)) return `__${name}__`
  return name.replaceAll('__', '__underscores__').replaceAll('.', '__dot__').replaceAll('-', '__dash__').replaceAll('/', '__slash__')
}

const DURATIONS = celEnvironment({ self: 'string' })

/** `self` of a rule at `schema`. `isRoot`: of metadata only the names can be seen. */
export function celValue(schema: JsonSchema | undefined, value: unknown, budget: Budget, isRoot = false): unknown {
  budget.spend(0.1)
  if (Array.isArray(value)) return value.map(item => celValue(schema?.items, item, budget))
  if (isObject(value)) {
    const made: Record<string, unknown> = Object.create(null)
    const isWhole = isRoot || (schema !== undefined && isEmbedded(schema))
    const additional = schema && additionalOf(schema)
    for (const name of Object.keys(value)) {
      const property = schema && propertyOf(schema, name)
      const inner = value[name]
      if (isWhole && name === 'metadata') made.metadata = isObject(inner) ? namesOf(inner) : {}
      else made[property ? escapedName(name) : name] = celValue(property ?? additional, inner, budget)
    }
    return made
  }
  if (typeof value === 'number') return schema?.type === 'number' || !Number.isSafeInteger(value) ? value : BigInt(value)
  if (typeof value !== 'string') return value
  switch (schema?.format) {
    case 'date-time':
    case 'datetime':
    case 'date':
      return new Date(value)
    case 'duration':
      return DURATIONS.compile('duration(self)').evaluate({ self: value }, new Budget(100))
    case 'byte':
      return new Uint8Array(Buffer.from(value, 'base64'))
    default:
      return value
  }
}

function namesOf({ name, generateName }: Record<string, unknown>): object {
  return Object.assign(Object.create(null), name !== undefined && { name }, generateName !== undefined && { generateName })
}

const SCALARS: Readonly<Record<string, string>> = { boolean: 'bool', integer: 'int', number: 'double', string: 'string' }
const TEXTS: Readonly<Record<string, string>> = {
  'date-time': 'google.protobuf.Timestamp',
  datetime: 'google.protobuf.Timestamp',
  date: 'google.protobuf.Timestamp',
  duration: 'google.protobuf.Duration',
  byte: 'bytes',
}
const METADATA: CelType = { fields: { name: 'string', generateName: 'string' } }
const OBJECT_FIELDS: Readonly<Record<string, CelType>> = { apiVersion: 'string', kind: 'string', metadata: METADATA }

/** The types of `self` of rules in one schema: each part of it has one, the same each time. */
export class SchemaTypes {
  readonly #types = new Map<JsonSchema, CelType>()

  of(schema: JsonSchema, isRoot = false): CelType {
    let type = this.#types.get(schema)
    if (!type) {
      type = this.#make(schema, isRoot)
      this.#types.set(schema, type)
    }
    return type
  }

  #make(schema: JsonSchema, isRoot: boolean): CelType {
    if (isIntOrString(schema) || schema.nullable) return 'dyn'
    const { type = '', format = '', items, properties } = schema
    if (type === 'array') return items ? { list: this.of(items) } : 'list'
    if (type !== 'object') return (type === 'string' ? TEXTS[format] : undefined) ?? SCALARS[type] ?? 'dyn'
    const additional = additionalOf(schema)
    if (additional) return { map: this.of(additional) }
    const isWhole = isRoot || isEmbedded(schema)
    if (preservesUnknown(schema) || (!properties && !isWhole)) return 'dyn'
    const fields = Object.entries(properties ?? {}).map(([name, property]) => [escapedName(name), this.of(property)])
    return { fields: { ...Object.fromEntries(fields), ...(isWhole && OBJECT_FIELDS) } }
  }
}
