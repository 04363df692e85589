/** Functions that Kubernetes has besides CEL's own. Not yet: `format`, `url`, `ip`, `cidr`, `sets`. */
import { isIP } from 'node:net'
import type { Environment } from '@marcbachmann/cel-js'
import { compareQuantities, isQuantity, parseQuantity } from '../../../quantity.ts'
import { isOfFormat } from '../structural/formats.ts'
import { compilePattern } from '../structural/pattern.ts'

/** An amount with a unit. */
class Quantity {
  readonly text: string

  constructor(text: string) {
    if (!isQuantity(text)) throw new Error(`quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`)
    this.text = text
  }
}

type Comparable = bigint | number | string

/** Adds them. */
export function withFunctions(environment: Environment): Environment {
  const order = (a: Comparable, b: Comparable) => (a < b ? -1 : a > b ? 1 : 0)
  const extreme = (list: Comparable[], wanted: number) => {
    const [first, ...rest] = list
    if (first === undefined) throw new Error(`${wanted < 0 ? 'min' : 'max'} called on empty list`)
    return rest.reduce((best, item) => (order(item, best) === wanted ? item : best), first)
  }
  const isSame = (a: unknown, b: unknown) => a === b
  return environment
    .registerFunction('string.replace(string, string): string', (text: string, from: string, to: string) => text.replaceAll(from, () => to))
    .registerFunction('string.charAt(int): string', (text: string, at: bigint) => text.charAt(Number(at)))
    .registerFunction('string.find(string): string', (text: string, pattern: string) => allMatches(text, pattern, 1)[0] ?? '')
    .registerFunction('string.findAll(string): list<string>', (text: string, pattern: string) => allMatches(text, pattern, 1000))
    .registerType('Quantity', Quantity)
    .registerFunction('quantity(string): Quantity', (text: string) => new Quantity(text))
    .registerFunction('isQuantity(string): bool', (text: string) => isQuantity(text))
    .registerFunction('Quantity.compareTo(Quantity): int', (a: Quantity, b: Quantity) => BigInt(compareQuantities(a.text, b.text)))
    .registerFunction('Quantity.isGreaterThan(Quantity): bool', (a: Quantity, b: Quantity) => compareQuantities(a.text, b.text) > 0)
    .registerFunction('Quantity.isLessThan(Quantity): bool', (a: Quantity, b: Quantity) => compareQuantities(a.text, b.text) < 0)
    .registerFunction('Quantity.sign(): int', (a: Quantity) => BigInt(compareQuantities(a.text, '0')))
    .registerFunction('Quantity.asApproximateFloat(): double', (a: Quantity) => parseQuantity(a.text))
    .registerFunction('isURL(string): bool', (text: string) => isOfFormat('uri', text))
    .registerFunction('isIP(string): bool', (text: string) => isIP(text) !== 0)
    .registerFunction('isCIDR(string): bool', (text: string) => isOfFormat('cidr', text))
    .registerFunction('list.isSorted(): bool', (list: Comparable[]) =>
      list.every((item, i) => i === 0 || order(list[i - 1] as Comparable, item) <= 0),
    )
    .registerFunction('list.sum(): dyn', (list: (bigint | number)[]) =>
      list.length === 0 ? 0n : list.slice(1).reduce((sum, item) => (sum as bigint) + (item as bigint), list[0] as bigint),
    )
    .registerFunction('list.min(): dyn', (list: Comparable[]) => extreme(list, -1))
    .registerFunction('list.max(): dyn', (list: Comparable[]) => extreme(list, 1))
    .registerFunction('list.indexOf(dyn): int', (list: unknown[], value: unknown) => BigInt(list.findIndex(item => isSame(item, value))))
    .registerFunction('list.lastIndexOf(dyn): int', (list: unknown[], value: unknown) =>
      BigInt(list.findLastIndex(item => isSame(item, value))),
    )
}

function allMatches(text: string, pattern: string, max: number): string[] {
  const matcher = compilePattern(pattern).matcher(text)
  const found: string[] = []
  while (found.length < max && matcher.find()) found.push(matcher.group() ?? '')
  return found
}
