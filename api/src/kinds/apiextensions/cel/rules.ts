/** x-kubernetes-validations: rules in CEL, in Kubernetes' words. */
import { isDeepStrictEqual } from 'node:util'
import {
  Budget,
  type CelEnvironment,
  type CelFamily,
  CostError,
  celEnvironment,
  celFamily,
  type Expression,
  optionalValue,
} from '../../../cel/index.ts'
import { invalidValue, requiredValue, unsupportedValue } from '../../../field-errors.ts'
import type { FieldError } from '../../../status.ts'
import { additionalOf, isObject, type JsonSchema, propertyOf, type ValidationRule } from '../structural/json-schema.ts'
import { celValue, SchemaTypes } from './values.ts'

const REASONS = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired']
const TYPES: Readonly<Record<string, FieldError['type']>> = {
  FieldValueDuplicate: 'Duplicate',
  FieldValueForbidden: 'Forbidden',
  FieldValueRequired: 'Required',
}
/** Of one evaluation, and of all for one object: some tenths of a second. */
const CALL_UNITS_MAX = 1_000_000
const OBJECT_UNITS_MAX = 2_500_000
const OVER_BUDGET = 'validation failed due to running out of cost budget, no further validation rules will be run'
const MESSAGE_BYTES_MAX = 5 * 1024

/** For rules that were found right: what types they take for granted does not matter any more. */
const UNTYPED = celEnvironment({ self: 'dyn', oldSelf: 'dyn' })
const UNTYPED_OPTIONAL = celEnvironment({ self: 'dyn', oldSelf: { optional: 'dyn' } })

/** What is wrong with the rules of a schema and all below it. */
export function validateRules(schema: JsonSchema, path: string): FieldError[] {
  const types = new SchemaTypes()
  const parts = new Map<JsonSchema, number>()
  const fewest = countParts(schema, parts) / SHARED_PART
  const family = celFamily(types.of(schema, true))
  return rulesWithin(schema, path, { types, familyOf: part => ((parts.get(part) ?? 0) < fewest ? undefined : family) })
}

/**
 * To take over the types of a whole schema costs by how many it has, to make a part's anew by how many that has: each small part of a
 * schema with thousands of them makes its own.
 */
const SHARED_PART = 16

interface Shared {
  readonly types: SchemaTypes
  readonly familyOf: (schema: JsonSchema) => CelFamily | undefined
}

/** Notes, and gives, how many schemas there are from each one on down. */
function countParts(schema: JsonSchema, parts: Map<JsonSchema, number>): number {
  const inner = [...Object.values(schema.properties ?? {}), additionalOf(schema), schema.items]
  const count = inner.reduce((sum, part) => sum + (part ? countParts(part, parts) : 0), 1)
  parts.set(schema, count)
  return count
}

function rulesWithin(schema: JsonSchema, path: string, shared: Shared): FieldError[] {
  const rules = schema['x-kubernetes-validations'] ?? []
  const environmentOf = environments(schema, shared)
  const errors = rules.flatMap((rule, i) => validateRule(rule, schema, environmentOf(rule), `${path}.x-kubernetes-validations[${i}]`))
  const below = (inner: JsonSchema | undefined, at: string) => {
    if (inner) errors.push(...rulesWithin(inner, `${path}.${at}`, shared))
  }
  for (const [name, property] of Object.entries(schema.properties ?? {})) below(property, `properties[${name}]`)
  below(additionalOf(schema), 'additionalProperties')
  below(schema.items, 'items')
  return errors
}

/** One for rules whose `oldSelf` may be none, and one for all others. */
function environments(schema: JsonSchema, { types, familyOf }: Shared): (rule: ValidationRule) => CelEnvironment {
  let plain: CelEnvironment | undefined
  let optional: CelEnvironment | undefined
  const make = (isOptional: boolean) => {
    const type = types.of(schema)
    return celEnvironment({ self: type, oldSelf: isOptional ? { optional: type } : type }, { family: familyOf(schema) })
  }
  return ({ optionalOldSelf }) => {
    if (optionalOldSelf) {
      optional ??= make(true)
      return optional
    }
    plain ??= make(false)
    return plain
  }
}

function validateRule(rule: ValidationRule, schema: JsonSchema, environment: CelEnvironment, path: string): FieldError[] {
  const errors: FieldError[] = []
  const { message, messageExpression, reason, fieldPath, optionalOldSelf } = rule
  if (!rule.rule?.trim()) return [requiredValue(`${path}.rule`, 'rule is not specified')]
  if (message !== undefined && message.trim() === '')
    errors.push(invalidValue(`${path}.message`, message, 'message must be non-empty if specified'))
  if (message?.includes('\n')) errors.push(invalidValue(`${path}.message`, message, 'message must not contain line breaks'))
  if (rule.rule.includes('\n') && !message) {
    errors.push(requiredValue(`${path}.message`, 'message must be specified if rule contains line breaks'))
  }
  if (messageExpression !== undefined && messageExpression.trim() === '') {
    errors.push(requiredValue(`${path}.messageExpression`, 'messageExpression must be non-empty if specified'))
  }
  if (reason !== undefined && !REASONS.includes(reason)) errors.push(unsupportedValue(`${path}.reason`, reason, REASONS))
  if (optionalOldSelf && !speaksOfOld(rule, environment)) {
    errors.push(invalidValue(`${path}.optionalOldSelf`, true, 'may not be set if oldSelf is not used in rule'))
  }
  if (fieldPath !== undefined && !isFieldPath(schema, fieldPath)) {
    errors.push(invalidValue(`${path}.fieldPath`, fieldPath, `fieldPath must be a valid path: does not refer to a valid field`))
  }
  const judge = { rule, environment }
  errors.push(...compileErrors(`${path}.rule`, judge, rule.rule, 'bool', 'cel expression must evaluate to a bool'))
  if (messageExpression?.trim()) {
    errors.push(
      ...compileErrors(`${path}.messageExpression`, judge, messageExpression, 'string', 'messageExpression must evaluate to a string'),
    )
  }
  return errors
}

/** True for what cannot be read: that is another mistake. */
function speaksOfOld(rule: ValidationRule, environment: CelEnvironment): boolean {
  try {
    return environment.compile(rule.rule ?? '').uses('oldSelf')
  } catch {
    return true
  }
}

interface Judged {
  readonly rule: ValidationRule
  readonly environment: CelEnvironment
}

function compileErrors(path: string, { rule, environment }: Judged, text: string, wanted: string, why: string): FieldError[] {
  try {
    const { type } = environment.compile(text)
    return type === wanted || type === 'dyn' ? [] : [invalidValue(path, rule, why)]
  } catch (error) {
    return [invalidValue(path, rule, `compilation failed: ${(error as Error).message}`)]
  }
}

/** `.spec.replicas`, or with names in brackets. */
function isFieldPath(schema: JsonSchema, fieldPath: string): boolean {
  const names = namesOfPath(fieldPath)
  const found = names?.reduce<JsonSchema | undefined>((inner, name) => inner && (propertyOf(inner, name) ?? additionalOf(inner)), schema)
  return found !== undefined
}

function namesOfPath(fieldPath: string): string[] | undefined {
  if (!/^(\.[A-Za-z_][A-Za-z0-9_-]*|\['[^']+'\])+$/.test(fieldPath)) return undefined
  return [...fieldPath.matchAll(/\.([A-Za-z_][A-Za-z0-9_-]*)|\['([^']+)'\]/g)].map(([, plain, quoted]) => plain ?? quoted ?? '')
}

interface CompiledRule {
  readonly rule: ValidationRule
  readonly expression: Expression
  readonly message: Expression | undefined
}

export interface Rules {
  /** What is wrong with `object`, whose types are right; `old`: what it takes the place of. */
  readonly validate: (object: unknown, old?: unknown) => FieldError[]
}

/** The rules of a schema that was found right. Expressions are compiled now. */
export function createRules(schema: JsonSchema): Rules {
  const compiled = new Map<JsonSchema, CompiledRule[]>()
  const withRules = new Set<JsonSchema>()
  collect(schema, compiled, withRules)
  if (withRules.size === 0) return { validate: () => [] }
  return {
    validate: (object, old) => {
      const run = new Run(compiled, withRules)
      try {
        run.visit(schema, object, '', old, true)
      } catch (error) {
        if (!(error instanceof CostError)) throw error
        run.errors.push(invalidValue('<nil>', undefined, OVER_BUDGET))
      }
      return run.errors
    },
  }
}

function collect(schema: JsonSchema, compiled: Map<JsonSchema, CompiledRule[]>, withRules: Set<JsonSchema>): boolean {
  const own = (schema['x-kubernetes-validations'] ?? []).flatMap(rule => compiledRule(rule) ?? [])
  if (own.length > 0) compiled.set(schema, own)
  const inner = [...Object.values(schema.properties ?? {}), additionalOf(schema), schema.items]
  const below = inner.filter(part => part !== undefined && collect(part, compiled, withRules)).length
  if (own.length + below === 0) return false
  withRules.add(schema)
  return true
}

/** One that an older server let pass and this one cannot read is left out. */
function compiledRule(rule: ValidationRule): CompiledRule | undefined {
  try {
    const environment = rule.optionalOldSelf ? UNTYPED_OPTIONAL : UNTYPED
    const message = rule.messageExpression ? environment.compile(rule.messageExpression) : undefined
    return { rule, expression: environment.compile(rule.rule ?? ''), message }
  } catch {
    return undefined
  }
}

class Run {
  readonly errors: FieldError[] = []
  readonly #compiled: ReadonlyMap<JsonSchema, readonly CompiledRule[]>
  readonly #withRules: ReadonlySet<JsonSchema>
  readonly #budget = new Budget(OBJECT_UNITS_MAX)

  constructor(compiled: ReadonlyMap<JsonSchema, readonly CompiledRule[]>, withRules: ReadonlySet<JsonSchema>) {
    this.#compiled = compiled
    this.#withRules = withRules
  }

  visit(schema: JsonSchema, value: unknown, path: string, old: unknown, isRoot = false): void {
    if (!this.#withRules.has(schema) || value === undefined || value === null) return
    const rules = this.#compiled.get(schema)
    if (rules) this.#judge(rules, { schema, value, path, old, isRoot })
    if (Array.isArray(value)) {
      const before = Array.isArray(old) ? oldElements(schema, old) : undefined
      if (schema.items) for (const [i, item] of value.entries()) this.visit(schema.items, item, `${path}[${i}]`, before?.(item))
      return
    }
    if (!isObject(value)) return
    const additional = additionalOf(schema)
    for (const name of Object.keys(value)) {
      const property = propertyOf(schema, name)
      const inner = property ?? additional
      const before = isObject(old) && Object.hasOwn(old, name) ? old[name] : undefined
      const at = property ? (path ? `${path}.${name}` : name) : `${path}[${name}]`
      if (inner) this.visit(inner, value[name], at, before)
    }
  }

  #judge(rules: readonly CompiledRule[], at: { schema: JsonSchema; value: unknown; path: string; old: unknown; isRoot: boolean }): void {
    const { schema, value, path, old, isRoot } = at
    // What broke a rule before may stay as it is.
    const isSame = old !== undefined && isDeepStrictEqual(value, old)
    const self = celValue(schema, value, this.#budget, isRoot)
    const oldSelf = old === undefined || old === null ? undefined : celValue(schema, old, this.#budget, isRoot)
    for (const rule of rules) {
      const isOptional = rule.rule.optionalOldSelf === true
      if (rule.expression.uses('oldSelf') ? oldSelf === undefined && !isOptional : isSame) continue
      const before = isOptional ? { oldSelf: optionalValue(oldSelf) } : oldSelf !== undefined && { oldSelf }
      this.#run(rule, { self, ...before }, path, schema.type ?? 'object')
    }
  }

  #run({ rule, expression, message }: CompiledRule, variables: Record<string, unknown>, path: string, type: string): void {
    const call = new Budget(Math.min(CALL_UNITS_MAX, this.#budget.left))
    const before = call.left
    let result: unknown
    try {
      result = expression.evaluate(variables, call)
    } catch (error) {
      if (error instanceof CostError) throw error
      this.errors.push(
        invalidValue(path || '<nil>', type, `${(error as Error).message} evaluating rule: ${rule.message?.trim() || rule.rule?.trim()}`),
      )
      return
    } finally {
      this.#budget.spend(Math.max(0, before - Math.max(0, call.left)))
    }
    if (result === true) return
    const detail = this.#message(message, variables) ?? (rule.message?.trim() || `failed rule: ${rule.rule?.trim()}`)
    const field = [path, (rule.fieldPath ?? '').replace(/^\./, path ? '.' : '')].join('') || '<nil>'
    this.errors.push({ type: TYPES[rule.reason ?? ''] ?? 'Invalid', field, value: type, detail })
  }

  /** Undefined when it gives nothing to show: then the rule's fixed message is. */
  #message(message: Expression | undefined, variables: Record<string, unknown>): string | undefined {
    if (!message) return undefined
    try {
      const text = message.evaluate(variables, this.#budget)
      const isFine = typeof text === 'string' && text.trim() !== '' && !text.includes('\n') && Buffer.byteLength(text) <= MESSAGE_BYTES_MAX
      return isFine ? text.trim() : undefined
    } catch (error) {
      if (error instanceof CostError) throw error
      return undefined
    }
  }
}

function oldElements(schema: JsonSchema, old: readonly unknown[]): ((item: unknown) => unknown) | undefined {
  if (schema['x-kubernetes-list-type'] !== 'map') return undefined
  const keys = schema['x-kubernetes-list-map-keys'] ?? []
  const keyOf = (item: unknown) => JSON.stringify(keys.map(key => (isObject(item) ? (item[key] ?? null) : null)))
  const byKey = new Map(old.map(item => [keyOf(item), item]))
  return item => byKey.get(keyOf(item))
}
