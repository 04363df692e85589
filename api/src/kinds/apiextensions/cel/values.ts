/** Values of JSON as CEL has them, by the schema: whole numbers, points in time, durations; names that CEL could not say. */
import { additionalOf, isEmbedded, isObject, type JsonSchema, propertyOf } from '../structural/json-schema.ts'
import { Budget, compileExpression } from './expression.ts'

const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return'.split(' '),
)

/** What a property is called in an expression. */
export function escapedName(name: string): string {
  if (RESERVED.has(name)) return `__${name}__`
  return name.replaceAll('__', '__underscores__').replaceAll('.', '__dot__').replaceAll('-', '__dash__').replaceAll('/', '__slash__')
}

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
      return compileExpression('duration(self)').evaluate({ self: value }, new Budget(100))
    case 'byte':
      return new Uint8Array(Buffer.from(value, 'base64'))
    default:
      return value
  }
}

function namesOf({ name, generateName }: Record<string, unknown>): object {
  return Object.assign(Object.create(null), name !== undefined && { name }, generateName !== undefined && { generateName })
}
