import type { Environment } from '@marcbachmann/cel-js'
import { spend } from '../budget.ts'
import { isSame, sizeOf } from '../values.ts'

type Ordered = bigint | number | string | boolean | Date

class Sets {}

/** Lists, and lists as sets. */
export function withLists(environment: Environment): Environment {
  const numbers = (list: (bigint | number)[]) =>
    list.length === 0 ? 0n : list.slice(1).reduce((sum, item) => (sum as bigint) + (item as bigint), list[0] as bigint)
  return environment
    .registerFunction('list.isSorted(): bool', (list: Ordered[]) =>
      list.every((item, i) => i === 0 || order(list[i - 1] as Ordered, item) <= 0),
    )
    .registerFunction('list.sum(): dyn', numbers)
    .registerFunction('list.min(): dyn', (list: Ordered[]) => extreme(list, -1))
    .registerFunction('list.max(): dyn', (list: Ordered[]) => extreme(list, 1))
    .registerFunction('list.indexOf(dyn): int', (list: unknown[], value: unknown) => BigInt(list.findIndex(equals(value, list))))
    .registerFunction('list.lastIndexOf(dyn): int', (list: unknown[], value: unknown) => BigInt(list.findLastIndex(equals(value, list))))
    .registerType('kubernetes.Sets', { ctor: Sets, fields: {} })
    .registerConstant('sets', 'kubernetes.Sets', new Sets())
    .registerFunction('kubernetes.Sets.contains(list, list): bool', (_: Sets, a: unknown[], b: unknown[]) => contains(a, b))
    .registerFunction(
      'kubernetes.Sets.equivalent(list, list): bool',
      (_: Sets, a: unknown[], b: unknown[]) => contains(a, b) && contains(b, a),
    )
    .registerFunction('kubernetes.Sets.intersects(list, list): bool', (_: Sets, a: unknown[], b: unknown[]) => a.some(has(b, a)))
}

function order(a: Ordered, b: Ordered): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function extreme(list: Ordered[], wanted: number): Ordered {
  const [first, ...rest] = list
  if (first === undefined) throw new Error(`${wanted < 0 ? 'min' : 'max'} called on empty list`)
  return rest.reduce((best, item) => (order(item, best) === wanted ? item : best), first)
}

function equals(value: unknown, list: unknown[]): (item: unknown) => boolean {
  spend(sizeOf(list) / 10)
  return item => isSame(item, value)
}

function contains(list: unknown[], wanted: unknown[]): boolean {
  return wanted.every(has(list, wanted))
}

/** Whether `list` has an item, for each of `others`. */
function has(list: unknown[], others: unknown[]): (item: unknown) => boolean {
  spend((sizeOf(list) * Math.max(1, others.length)) / 10)
  return item => list.some(each => isSame(each, item))
}
