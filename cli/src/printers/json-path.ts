import { isDeepStrictEqual } from 'node:util'
import { isJsonObject } from '../session/index.ts'
import { goJson } from './json.ts'
import { type Node, type Operand, parseRelaxedPath, parseTemplate, type Step } from './json-path-parse.ts'

/** Fills in a template; a missing field gives nothing. Throws for what is no template or an index that is not there. */
export function renderJsonPath(template: string, data: unknown): string {
  return parseTemplate(template)
    .map(node => render(node, data))
    .join('')
}

/** All values at a path written with or without braces and leading dot. */
export function valuesAtPath(path: string, data: unknown): unknown[] {
  return evaluate(parseRelaxedPath(path), [data])
}

function render(node: Node, data: unknown): string {
  switch (node.is) {
    case 'text':
      return node.text
    case 'path':
      return evaluate(node.steps, [data]).map(valueText).join(' ')
    case 'range':
      return evaluate(node.steps, [data])
        .map(item => node.body.map(inner => render(inner, item)).join(''))
        .join('')
    default:
      return node satisfies never
  }
}

/** Text for a value: containers as JSON. */
export function valueText(value: unknown): string {
  if (value === null) return '<nil>'
  return typeof value === 'object' ? goJson(value) : String(value)
}

function evaluate(steps: readonly Step[], values: readonly unknown[]): unknown[] {
  return steps.reduce<unknown[]>((found, step) => found.flatMap(value => take(step, value)), [...values])
}

function take(step: Step, value: unknown): unknown[] {
  switch (step.is) {
    case 'field':
      return isJsonObject(value) && Object.hasOwn(value, step.name) ? [value[step.name]] : []
    case 'wildcard':
      return children(value)
    case 'descent':
      return descendants(value)
    case 'index':
      return elementAt(value, step.at)
    case 'slice':
      return Array.isArray(value) ? slice(value, step) : []
    case 'union':
      return step.steps.flatMap(one => take(one, value))
    case 'filter':
      return (Array.isArray(value) ? value : children(value)).filter(item => isMatch(step, item))
    default:
      return step satisfies never
  }
}

function elementAt(value: unknown, at: number): unknown[] {
  if (!Array.isArray(value)) return []
  const place = at < 0 ? value.length + at : at
  if (place < 0 || place >= value.length) throw new Error(`array index out of bounds: index ${at}, length ${value.length}`)
  return [value[place]]
}

function children(value: unknown): unknown[] {
  if (Array.isArray(value)) return value
  if (!isJsonObject(value)) return []
  return Object.keys(value)
    .sort()
    .map(name => value[name])
}

function descendants(value: unknown): unknown[] {
  return [
    value,
    ...children(value)
      .filter(child => typeof child === 'object' && child !== null)
      .flatMap(descendants),
  ]
}

function slice(
  values: readonly unknown[],
  { start = 0, end = values.length, step = 1 }: { start?: number; end?: number; step?: number },
): unknown[] {
  const from = start < 0 ? Math.max(0, values.length + start) : start
  const until = end < 0 ? values.length + end : Math.min(end, values.length)
  const found: unknown[] = []
  for (let at = from; step > 0 && at < until; at += step) found.push(values[at])
  return found
}

function isMatch({ left, operator, right }: Extract<Step, { is: 'filter' }>, item: unknown): boolean {
  const lefts = operandValues(left, item)
  if (!operator || !right) return lefts.length > 0
  const rights = operandValues(right, item)
  if (lefts.length === 0 || rights.length === 0) return false
  const [a, b] = [lefts[0], rights[0]]
  switch (operator) {
    case '==':
      return isDeepStrictEqual(a, b)
    case '!=':
      return !isDeepStrictEqual(a, b)
    case '<':
      return (a as number) < (b as number)
    case '<=':
      return (a as number) <= (b as number)
    case '>':
      return (a as number) > (b as number)
    default:
      return (a as number) >= (b as number)
  }
}

function operandValues(operand: Operand, item: unknown): unknown[] {
  return operand.is === 'value' ? [operand.value] : evaluate(operand.steps, [item])
}
