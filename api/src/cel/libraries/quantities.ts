import type { Environment } from '@marcbachmann/cel-js'
import { addQuantities, compareQuantities, isQuantity, parseQuantity, QUANTITY_FORMAT_ERROR, subtractQuantities } from '../../quantity.ts'
import type { Comparable } from '../values.ts'

/** An amount with a unit. */
class Amount implements Comparable {
  readonly text: string

  constructor(text: string) {
    if (!isQuantity(text)) throw new Error(QUANTITY_FORMAT_ERROR)
    this.text = text
  }

  compare(other: Amount): number {
    return compareQuantities(this.text, other.text)
  }

  isSame(other: unknown): boolean {
    return other instanceof Amount && this.compare(other) === 0
  }
}

export function withQuantities(environment: Environment): Environment {
  const type = 'kubernetes.Quantity'
  const isWhole = (amount: Amount) => Number.isSafeInteger(parseQuantity(amount.text))
  const sum = (a: Amount, b: string) => new Amount(addQuantities(a.text, b))
  const rest = (a: Amount, b: string) => new Amount(subtractQuantities(a.text, b))
  return environment
    .registerType(type, { ctor: Amount, fields: {} })
    .registerOperator(`${type} == ${type}`, (a: Amount, b: Amount) => a.isSame(b))
    .registerFunction(`quantity(string): ${type}`, (text: string) => new Amount(text))
    .registerFunction('isQuantity(string): bool', (text: string) => isQuantity(text))
    .registerFunction(`${type}.compareTo(${type}): int`, (a: Amount, b: Amount) => BigInt(a.compare(b)))
    .registerFunction(`${type}.isGreaterThan(${type}): bool`, (a: Amount, b: Amount) => a.compare(b) > 0)
    .registerFunction(`${type}.isLessThan(${type}): bool`, (a: Amount, b: Amount) => a.compare(b) < 0)
    .registerFunction(`${type}.sign(): int`, (a: Amount) => BigInt(compareQuantities(a.text, '0')))
    .registerFunction(`${type}.add(${type}): ${type}`, (a: Amount, b: Amount) => sum(a, b.text))
    .registerFunction(`${type}.add(int): ${type}`, (a: Amount, b: bigint) => sum(a, String(b)))
    .registerFunction(`${type}.sub(${type}): ${type}`, (a: Amount, b: Amount) => rest(a, b.text))
    .registerFunction(`${type}.sub(int): ${type}`, (a: Amount, b: bigint) => rest(a, String(b)))
    .registerFunction(`${type}.isInteger(): bool`, isWhole)
    .registerFunction(`${type}.asInteger(): int`, (a: Amount) => {
      if (!isWhole(a)) throw new Error('cannot convert value to integer')
      return BigInt(parseQuantity(a.text))
    })
    .registerFunction(`${type}.asApproximateFloat(): double`, (a: Amount) => parseQuantity(a.text))
}
