/**
 * Judges a value by a user's schema, in Kubernetes' words. A walk over the schema: nothing is compiled from it. What did not change
 * since `old` is let be, so that a schema that became stricter does not keep its objects from being changed.
 */
import { isDeepStrictEqual } from 'node:util'
import { duplicateValue, invalidValue, requiredValue, unsupportedValue } from '../../../field-errors.ts'
import { matchesPattern } from '../../../pattern.ts'
import type { FieldError } from '../../../status.ts'
import { isOfFormat } from '../../../text-formats.ts'
import { additionalOf, isIntOrString, isObject, type JsonSchema, propertyOf } from './json-schema.ts'

/** More mistakes nobody reads, and an answer must not be many times what was asked. */
const ERRORS_MAX = 100

/** Everything wrong with `value`; `old`: what it takes the place of, whose mistakes it may keep. */
export function validateValue(schema: JsonSchema, value: unknown, { path = '', old }: { path?: string; old?: unknown } = {}): FieldError[] {
  const judge = new Judge()
  judge.value(schema, value, path, old)
  return judge.errors.slice(0, ERRORS_MAX)
}

/** The length of a text as people count it, which is what limits are about. */
function lengthOf(text: string): number {
  let length = 0
  for (const _ of text) length++
  return length
}

class Judge {
  readonly errors: FieldError[] = []

  value(schema: JsonSchema, value: unknown, path: string, old: unknown): void {
    if (this.errors.length >= ERRORS_MAX || (old !== undefined && isDeepStrictEqual(value, old))) return
    if (value === null && schema.nullable) return
    if (!this.#type(schema, value, path)) return
    this.#own(schema, value, path)
    this.#junctors(schema, value, path)
    if (isObject(value)) this.#fields(schema, value, path, isObject(old) ? old : undefined)
    else if (Array.isArray(value)) this.#elements(schema, value, path, Array.isArray(old) ? old : undefined)
  }

  /** False when nothing else can be said. */
  #type(schema: JsonSchema, value: unknown, path: string): boolean {
    const wanted = isIntOrString(schema) && !schema.type ? 'integer,string' : schema.type
    if (!wanted || wanted.split(',').some(type => isOfType(type, value))) return true
    this.errors.push(typeError(path, wanted, value))
    return false
  }

  #own(schema: JsonSchema, value: unknown, path: string): void {
    if (schema.enum && !schema.enum.some(known => isDeepStrictEqual(known, value))) {
      this.errors.push(
        unsupportedValue(
          path,
          value,
          schema.enum.map(known => (typeof known === 'string' ? known : JSON.stringify(known))),
        ),
      )
    }
    if (typeof value === 'string') this.#text(schema, value, path)
    else if (typeof value === 'number') this.#number(schema, value, path)
  }

  #text(schema: JsonSchema, value: string, path: string): void {
    const { maxLength, minLength, pattern, format } = schema
    if (maxLength !== undefined && lengthOf(value) > maxLength) {
      this.errors.push({ type: 'TooLong', field: path, detail: `may not be more than ${maxLength} bytes` })
    }
    if (minLength !== undefined && lengthOf(value) < minLength) {
      this.errors.push(invalidValue(path, value, `${path} in body should be at least ${minLength} chars long`))
    }
    if (pattern && !matches(pattern, value)) this.errors.push(invalidValue(path, value, `${path} in body should match '${pattern}'`))
    if (format && !isOfFormat(format, value)) {
      this.errors.push(invalidValue(path, value, `${path} in body must be of type ${format}: ${JSON.stringify(value)}`))
    }
  }

  #number(schema: JsonSchema, value: number, path: string): void {
    const { maximum, minimum, exclusiveMaximum = false, exclusiveMinimum = false, multipleOf, format, type } = schema
    const fail = (why: string) => this.errors.push(invalidValue(path, value, why))
    if (maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum)) {
      fail(`${path} in body should be less than ${exclusiveMaximum ? '' : 'or equal to '}${maximum}`)
    }
    if (minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum)) {
      fail(`${path} in body should be greater than ${exclusiveMinimum ? '' : 'or equal to '}${minimum}`)
    }
    if (multipleOf && !isMultiple(value, multipleOf)) fail(`${path} in body should be a multiple of ${multipleOf}`)
    if (format === 'int32' && (value > 2 ** 31 - 1 || value < -(2 ** 31))) {
      fail(`Checked value must be of type ${type ?? 'integer'} with format int32 in ${path}`)
    }
  }

  #fields(schema: JsonSchema, value: Record<string, unknown>, path: string, old: Record<string, unknown> | undefined): void {
    const count = Object.keys(value).length
    const { minProperties, maxProperties, required = [] } = schema
    if (maxProperties !== undefined && count > maxProperties) {
      this.errors.push({ type: 'TooMany', field: path, value: count, detail: `must have at most ${maxProperties} items` })
    }
    if (minProperties !== undefined && count < minProperties) {
      this.errors.push(invalidValue(path, value, `${path} in body should have at least ${minProperties} properties`))
    }
    for (const name of required) if (!Object.hasOwn(value, name)) this.errors.push(requiredValue(childOf(path, name)))
    const additional = additionalOf(schema)
    for (const name of Object.keys(value)) {
      const inner = propertyOf(schema, name) ?? additional
      if (!inner) continue
      const before = old && Object.hasOwn(old, name) ? old[name] : undefined
      this.value(inner, value[name], childOf(path, name), before)
    }
  }

  #elements(schema: JsonSchema, value: readonly unknown[], path: string, old: readonly unknown[] | undefined): void {
    const { minItems, maxItems, uniqueItems, items } = schema
    if (maxItems !== undefined && value.length > maxItems) {
      this.errors.push({ type: 'TooMany', field: path, value: value.length, detail: `must have at most ${maxItems} items` })
    }
    if (minItems !== undefined && value.length < minItems) {
      this.errors.push(invalidValue(path, value, `${path} in body should have at least ${minItems} items`))
    }
    if (uniqueItems && new Set(value.map(item => JSON.stringify(item))).size < value.length) {
      this.errors.push(invalidValue(path, value, `${path} in body shouldn't contain duplicates`))
    }
    const before = old && elementsBefore(schema, old)
    for (const [index, item] of value.entries()) {
      if (items) this.value(items, item, `${path}[${index}]`, before?.(item))
    }
    this.#unique(schema, value, path)
  }

  /** Elements that are told apart by themselves or by their keys: none may be there twice. */
  #unique(schema: JsonSchema, value: readonly unknown[], path: string): void {
    const listType = schema['x-kubernetes-list-type']
    if (listType !== 'set' && listType !== 'map') return
    const keys = listType === 'map' ? (schema['x-kubernetes-list-map-keys'] ?? []) : undefined
    const seen = new Set<string>()
    for (const [index, item] of value.entries()) {
      const identity = keys ? keysOf(item, keys) : item
      const text = canonicalText(identity)
      if (seen.has(text)) this.errors.push(duplicateValue(`${path}[${index}]`, identity))
      seen.add(text)
    }
  }

  #junctors(schema: JsonSchema, value: unknown, path: string): void {
    const { allOf, anyOf, oneOf, not } = schema
    if (isIntOrString(schema) && anyOf?.every(({ type }) => type !== undefined) && anyOf.length === 2) {
      // How it is written out for readers that know no x-kubernetes-int-or-string; judged above.
    } else if (anyOf && !anyOf.some(part => isValid(part, value)))
      this.#unmet(path, 'must validate at least one schema (anyOf)', anyOf, value)
    for (const part of allOf ?? []) this.value(part, value, path, undefined)
    if (oneOf) {
      const valid = oneOf.filter(part => isValid(part, value)).length
      if (valid === 0) this.#unmet(path, 'must validate one and only one schema (oneOf). Found none valid', oneOf, value)
      else if (valid > 1) this.#together(path, `must validate one and only one schema (oneOf). Found ${valid} valid alternatives`)
    }
    if (not && isValid(not, value)) this.#together(path, 'must not validate the schema (not)')
  }

  /** Tells of the alternative that came closest, too. */
  #unmet(path: string, why: string, parts: readonly JsonSchema[], value: unknown): void {
    const failures = parts.map(part => validateValue(part, value, { path }))
    const best = failures.reduce((least, errors) => (errors.length < least.length ? errors : least), failures[0] ?? [])
    this.errors.push(...best)
    this.#together(path, why)
  }

  /** Kubernetes names no field here. */
  #together(path: string, why: string): void {
    this.errors.push(invalidValue('<nil>', '', `${JSON.stringify(path)} ${why}`))
  }
}

function isValid(schema: JsonSchema, value: unknown): boolean {
  return validateValue(schema, value).length === 0
}

function matches(pattern: string, text: string): boolean {
  try {
    return matchesPattern(pattern, text)
  } catch {
    // The definition was judged when it was made.
    return true
  }
}

function isOfType(type: string, value: unknown): boolean {
  switch (type) {
    case 'object':
      return isObject(value)
    case 'array':
      return Array.isArray(value)
    case 'integer':
      return typeof value === 'number' && Number.isInteger(value)
    default:
      return typeof value === type
  }
}

function typeError(path: string, wanted: string, value: unknown): FieldError {
  const found = typeName(value)
  return {
    type: 'TypeInvalid',
    field: path,
    value: found,
    detail: `${path} in body must be of type ${wanted}: ${JSON.stringify(found)}`,
  }
}

function typeName(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value
}

function isMultiple(value: number, factor: number): boolean {
  const quotient = value / factor
  return Math.abs(quotient - Math.round(quotient)) < 1e-9
}

/** The element of `old` that each new one takes the place of. */
function elementsBefore(schema: JsonSchema, old: readonly unknown[]): ((item: unknown) => unknown) | undefined {
  if (schema['x-kubernetes-list-type'] !== 'map') return undefined
  const keys = schema['x-kubernetes-list-map-keys'] ?? []
  const byKey = new Map(old.map(item => [canonicalText(keysOf(item, keys)), item]))
  return item => byKey.get(canonicalText(keysOf(item, keys)))
}

function keysOf(item: unknown, keys: readonly string[]): Record<string, unknown> {
  const fields = isObject(item) ? item : {}
  return Object.fromEntries(keys.filter(key => Object.hasOwn(fields, key)).map(key => [key, fields[key]]))
}

/** The same text for what is the same but for the order of keys. */
function canonicalText(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    isObject(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  )
}

function childOf(path: string, name: string): string {
  return path ? `${path}.${name}` : name
}
