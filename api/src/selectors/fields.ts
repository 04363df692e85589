/** Field selectors: `metadata.name=web,status.phase!=Running`, with `\` before a comma, equals sign or backslash in a value. */
import type { Kind } from '../kind.ts'
import type { KubernetesObject } from '../meta.ts'
import { badRequest } from '../status.ts'

export interface FieldRequirement {
  readonly field: string
  /** `==` is read as `=`. */
  readonly operator: '=' | '!='
  readonly value: string
}

/** Throws ApiError BadRequest in Kubernetes' words. Empty text gives no requirement: everything. */
export function parseFieldSelector(text: string): FieldRequirement[] {
  return splitTerms(text)
    .filter(term => term !== '')
    .map(term => parseTerm(text, term))
}

/** The text that parses back to `requirements`. */
export function formatFieldSelector(requirements: readonly FieldRequirement[]): string {
  return requirements.map(({ field, operator, value }) => `${field}${operator}${escapeFieldValue(value)}`).join(',')
}

/** A value as it must stand in a field selector. */
export function escapeFieldValue(value: string): string {
  return value.replace(/[\\,=]/g, '\\$&')
}

/**
 * Tells whether an object of `kind` has what `requirements` ask. Throws ApiError BadRequest when a field cannot be
 * selected by.
 */
export function fieldMatcher<T extends KubernetesObject>(kind: Kind<T>, requirements: readonly FieldRequirement[]): (object: T) => boolean {
  const tests = requirements.map(({ field, operator, value }) => {
    const read = readerOf(kind, field)
    return (object: T) => (read(object) === value) === (operator === '=')
  })
  return object => tests.every(test => test(object))
}

function readerOf<T extends KubernetesObject>(kind: Kind<T>, field: string): (object: T) => string {
  if (field === 'metadata.name') return object => object.metadata.name ?? ''
  if (field === 'metadata.namespace' && kind.namespaced) return object => object.metadata.namespace ?? ''
  const own = Object.hasOwn(kind.selectableFields, field) ? kind.selectableFields[field] : undefined
  if (own) return own
  if (Object.keys(kind.selectableFields).length > 0) throw badRequest(`field label not supported: ${field}`)
  throw badRequest(`"${field}" is not a known field selector: only "metadata.name", "metadata.namespace"`)
}

function splitTerms(text: string): string[] {
  const terms: string[] = []
  let start = 0
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === ',') {
      terms.push(text.slice(start, i))
      start = i + 1
    }
  }
  terms.push(text.slice(start))
  return terms
}

function parseTerm(selector: string, term: string): FieldRequirement {
  // Field names hold no operator, so the first one ends the name.
  const match = /^(.*?)(!=|==|=)(.*)$/s.exec(term)
  if (!match) throw badRequest(`invalid selector: '${selector}'; can't understand '${term}'`)
  const [, field = '', operator, value = ''] = match
  return { field, operator: operator === '!=' ? '!=' : '=', value: unescapeValue(value) }
}

function unescapeValue(value: string): string {
  let result = ''
  for (let i = 0; i < value.length; i++) {
    const char = value[i] ?? ''
    if (char === '\\') {
      const escaped = value[++i]
      if (escaped === undefined || !'\\,='.includes(escaped)) {
        throw badRequest(`invalid field selector: invalid escape sequence: \\${escaped ?? ''}`)
      }
      result += escaped
    } else if (char === ',' || char === '=') {
      throw badRequest(`invalid field selector: unescaped character in value: ${char}`)
    } else result += char
  }
  return result
}
