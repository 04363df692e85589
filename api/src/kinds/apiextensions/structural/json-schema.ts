/** The schema of a custom resource, as its definition gives it: JSONSchemaProps of apiextensions.k8s.io/v1. */

export interface ValidationRule {
  rule?: string
  message?: string
  messageExpression?: string
  reason?: string
  fieldPath?: string
  optionalOldSelf?: boolean
}

export interface JsonSchema {
  id?: string
  $schema?: string
  $ref?: string
  description?: string
  type?: string
  format?: string
  title?: string
  default?: unknown
  maximum?: number
  exclusiveMaximum?: boolean
  minimum?: number
  exclusiveMinimum?: boolean
  maxLength?: number
  minLength?: number
  pattern?: string
  maxItems?: number
  minItems?: number
  uniqueItems?: boolean
  multipleOf?: number
  enum?: unknown[]
  maxProperties?: number
  minProperties?: number
  required?: string[]
  items?: JsonSchema
  allOf?: JsonSchema[]
  oneOf?: JsonSchema[]
  anyOf?: JsonSchema[]
  not?: JsonSchema
  properties?: Record<string, JsonSchema>
  additionalProperties?: boolean | JsonSchema
  patternProperties?: Record<string, JsonSchema>
  dependencies?: Record<string, unknown>
  additionalItems?: boolean | JsonSchema
  definitions?: Record<string, JsonSchema>
  externalDocs?: { description?: string; url?: string }
  example?: unknown
  nullable?: boolean
  'x-kubernetes-preserve-unknown-fields'?: boolean
  'x-kubernetes-embedded-resource'?: boolean
  'x-kubernetes-int-or-string'?: boolean
  'x-kubernetes-list-map-keys'?: string[]
  'x-kubernetes-list-type'?: string
  'x-kubernetes-map-type'?: string
  'x-kubernetes-validations'?: ValidationRule[]
}

type Form =
  | 'text'
  | 'texts'
  | 'truth'
  | 'amount'
  | 'count'
  | 'any'
  | 'anys'
  | 'schema'
  | 'schemas'
  | 'named'
  | 'schema-or-truth'
  | 'rules'
  | 'object'

/** What each keyword holds. */
const KEYWORDS: Readonly<Record<keyof JsonSchema, Form>> = {
  id: 'text',
  $schema: 'text',
  $ref: 'text',
  description: 'text',
  type: 'text',
  format: 'text',
  title: 'text',
  default: 'any',
  maximum: 'amount',
  exclusiveMaximum: 'truth',
  minimum: 'amount',
  exclusiveMinimum: 'truth',
  maxLength: 'count',
  minLength: 'count',
  pattern: 'text',
  maxItems: 'count',
  minItems: 'count',
  uniqueItems: 'truth',
  multipleOf: 'amount',
  enum: 'anys',
  maxProperties: 'count',
  minProperties: 'count',
  required: 'texts',
  items: 'schema',
  allOf: 'schemas',
  oneOf: 'schemas',
  anyOf: 'schemas',
  not: 'schema',
  properties: 'named',
  additionalProperties: 'schema-or-truth',
  patternProperties: 'named',
  dependencies: 'object',
  additionalItems: 'schema-or-truth',
  definitions: 'named',
  externalDocs: 'object',
  example: 'any',
  nullable: 'truth',
  'x-kubernetes-preserve-unknown-fields': 'truth',
  'x-kubernetes-embedded-resource': 'truth',
  'x-kubernetes-int-or-string': 'truth',
  'x-kubernetes-list-map-keys': 'texts',
  'x-kubernetes-list-type': 'text',
  'x-kubernetes-map-type': 'text',
  'x-kubernetes-validations': 'rules',
}

/** A value of the wrong type in a schema. */
export interface WrongType {
  readonly path: string
  readonly wanted: string
}

export interface ReadSchema {
  /** Fresh; unknown keywords and values of the wrong type are not in it. */
  readonly schema: JsonSchema
  readonly wrong: readonly WrongType[]
  /** Some schema was a list of them, which is one of the forbidden forms of `items`. */
  readonly listedItems: readonly string[]
}

/** Schemas deeper than this are refused: each level costs every walk a frame. */
const DEPTH_MAX = 100

/** A schema from JSON, with the keywords that Kubernetes knows. */
export function readSchema(raw: unknown, path: string): ReadSchema {
  const reader = new Reader()
  return { schema: reader.schema(raw, path, 0), wrong: reader.wrong, listedItems: reader.listedItems }
}

/** Where a schema from JSON has keywords that Kubernetes does not know: their paths, below its own. */
export function unknownKeywords(raw: unknown, path: string, depth = 0): string[] {
  if (!isObject(raw) || depth > DEPTH_MAX) return []
  return Object.entries(raw).flatMap(([name, value]) => {
    const at = `${path}.${name}`
    if (!Object.hasOwn(KEYWORDS, name)) return value === null ? [] : [at]
    const below = (inner: unknown, key: string) => unknownKeywords(inner, `${at}${key}`, depth + 1)
    switch (KEYWORDS[name as keyof JsonSchema]) {
      case 'schema':
      case 'schema-or-truth':
        return below(value, '')
      case 'schemas':
        return Array.isArray(value) ? value.flatMap((inner, i) => below(inner, `[${i}]`)) : []
      case 'named':
        return isObject(value) ? Object.entries(value).flatMap(([key, inner]) => below(inner, `.${key}`)) : []
      case 'rules':
        return Array.isArray(value) ? value.flatMap((rule, i) => unknownParts(rule, `${at}[${i}]`)) : []
      default:
        return []
    }
  })
}

const RULE_PARTS = ['rule', 'message', 'messageExpression', 'reason', 'fieldPath', 'optionalOldSelf']

function unknownParts(rule: unknown, path: string): string[] {
  return isObject(rule) ? Object.keys(rule).flatMap(name => (RULE_PARTS.includes(name) ? [] : [`${path}.${name}`])) : []
}

class Reader {
  readonly wrong: WrongType[] = []
  readonly listedItems: string[] = []

  schema(raw: unknown, path: string, depth: number): JsonSchema {
    const schema: Record<string, unknown> = {}
    if (!isObject(raw)) {
      this.wrong.push({ path, wanted: 'object' })
      return schema
    }
    if (depth > DEPTH_MAX) {
      this.wrong.push({ path, wanted: `schema of at most ${DEPTH_MAX} levels` })
      return schema
    }
    for (const name of Object.keys(raw)) {
      const value = raw[name]
      if (value === null && name !== 'default' && name !== 'example') continue
      if (!Object.hasOwn(KEYWORDS, name)) continue
      const read = this.#keyword(KEYWORDS[name as keyof JsonSchema], value, `${path}.${name}`, depth)
      if (read !== undefined) schema[name] = read
    }
    return schema
  }

  #keyword(form: Form, value: unknown, path: string, depth: number): unknown {
    const is = (right: boolean, wanted: string) => {
      if (right) return value
      this.wrong.push({ path, wanted })
      return undefined
    }
    const list = (read: (item: unknown, at: string) => unknown) => {
      if (!Array.isArray(value)) return is(false, 'array')
      return value.map((item, index) => read(item, `${path}[${index}]`))
    }
    switch (form) {
      case 'any':
        return value
      case 'anys':
        return is(Array.isArray(value), 'array')
      case 'text':
        return is(typeof value === 'string', 'string')
      case 'truth':
        return is(typeof value === 'boolean', 'boolean')
      case 'amount':
        return is(typeof value === 'number', 'number')
      case 'count':
        return is(Number.isSafeInteger(value), 'integer')
      case 'texts':
        return is(Array.isArray(value) && value.every(item => typeof item === 'string'), 'array of strings')
      case 'object':
        return is(isObject(value), 'object')
      case 'schema':
        if (path.endsWith('.items') && Array.isArray(value)) {
          this.listedItems.push(path)
          return undefined
        }
        return this.schema(value, path, depth + 1)
      case 'schema-or-truth':
        return typeof value === 'boolean' ? value : this.schema(value, path, depth + 1)
      case 'schemas':
        return list((item, at) => this.schema(item, at, depth + 1))
      case 'rules':
        return list((item, at) => this.#rule(item, at))
      case 'named': {
        if (!isObject(value)) return is(false, 'object')
        return Object.fromEntries(Object.keys(value).map(name => [name, this.schema(value[name], `${path}[${name}]`, depth + 1)]))
      }
    }
  }

  #rule(raw: unknown, path: string): ValidationRule {
    if (!isObject(raw)) {
      this.wrong.push({ path, wanted: 'object' })
      return {}
    }
    const rule: Record<string, unknown> = {}
    for (const name of ['rule', 'message', 'messageExpression', 'reason', 'fieldPath']) {
      const value = raw[name]
      if (value === undefined || value === null) continue
      if (typeof value === 'string') rule[name] = value
      else this.wrong.push({ path: `${path}.${name}`, wanted: 'string' })
    }
    if (typeof raw.optionalOldSelf === 'boolean') rule.optionalOldSelf = raw.optionalOldSelf
    return rule
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The schema of values that are at names no property has; undefined when there are none of theirs. */
export function additionalOf({ additionalProperties }: JsonSchema): JsonSchema | undefined {
  return typeof additionalProperties === 'object' ? additionalProperties : undefined
}

export const preservesUnknown = (schema: JsonSchema): boolean => schema['x-kubernetes-preserve-unknown-fields'] === true
export const isEmbedded = (schema: JsonSchema): boolean => schema['x-kubernetes-embedded-resource'] === true
export const isIntOrString = (schema: JsonSchema): boolean => schema['x-kubernetes-int-or-string'] === true

/** A property's schema; names come from users. */
export function propertyOf({ properties }: JsonSchema, name: string): JsonSchema | undefined {
  return properties && Object.hasOwn(properties, name) ? properties[name] : undefined
}
