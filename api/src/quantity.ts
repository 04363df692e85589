/**
 * Kubernetes quantities: `250m`, `64Mi`, `1.5`, `2e3`. Values are held as a bigint of nano units, the finest that
 * Kubernetes keeps, so nothing is lost before the caller asks for a number.
 */
import type { Quantity } from './meta.ts'

export const QUANTITY_FORMAT_ERROR = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"

/** How a quantity is written: `1Ki`, `1k` or `1e3`. */
export type QuantityFormat = 'BinarySI' | 'DecimalSI' | 'DecimalExponent'

interface Parsed {
  nanos: bigint
  format: QuantityFormat
}

const NANO = 1_000_000_000n
const NANOS_MAX = (2n ** 63n - 1n) * NANO
const FORM = /^([+-]?)([0-9]*)(?:\.([0-9]*))?(.*)$/s
const EXPONENT = /^[eE]([+-]?[0-9]+)$/
const DECIMAL_SUFFIXES: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 }
const BINARY_SUFFIXES = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'] as const
/** Far beyond any exponent whose value is neither rounded up to 1n nor cut to the largest; keeps bigints small. */
const EXPONENT_MAX = 60
const DIGITS_MAX = 400

/** Nearly every quantity in real manifests; exact in a double. */
const SIMPLE = /^([0-9]{1,12})(m|k|M|G|Ki|Mi|Gi)?$/
const SIMPLE_FACTORS: Readonly<Record<string, number>> = { k: 1e3, M: 1e6, G: 1e9, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 }

/** The amount in base units (cores, bytes). Throws RangeError with Kubernetes' words when `quantity` is not one. */
export function parseQuantity(quantity: Quantity): number {
  const simple = SIMPLE.exec(String(quantity))
  if (simple) {
    const suffix = simple[2]
    const value = Number(simple[1])
    if (suffix === 'm') return value / 1000
    const exact = suffix ? value * (SIMPLE_FACTORS[suffix] ?? 1) : value
    if (Number.isSafeInteger(exact)) return exact
  }
  const { nanos } = parse(quantity)
  return nanos % NANO === 0n ? Number(nanos / NANO) : Number(nanos) / 1e9
}

/** The amount in thousandths, rounded up as Kubernetes does: milliCPU of `0.5` is 500. Throws RangeError. */
export function parseMilli(quantity: Quantity): number {
  const simple = SIMPLE.exec(String(quantity))
  if (simple) {
    const value = Number(simple[1])
    if (simple[2] === 'm') return value
    const exact = value * 1000 * (simple[2] ? (SIMPLE_FACTORS[simple[2]] ?? 1) : 1)
    if (Number.isSafeInteger(exact)) return exact
  }
  return Number(divideUp(parse(quantity).nanos, 1_000_000n))
}

export function isQuantity(value: unknown): value is Quantity {
  return (typeof value === 'string' || typeof value === 'number') && tryParse(String(value)) !== undefined
}

/** Negative, zero or positive, as for `sort`. Throws RangeError when one is not a quantity. */
export function compareQuantities(a: Quantity, b: Quantity): number {
  const left = parse(a).nanos
  const right = parse(b).nanos
  return left < right ? -1 : left > right ? 1 : 0
}

/** The sum, canonical and written as `a` is, or as `b` where `a` is nothing. Throws RangeError when one is not a quantity. */
export function addQuantities(a: Quantity, b: Quantity): string {
  const [left, right] = [parse(a), parse(b)]
  return write(left.nanos + right.nanos, left.nanos === 0n ? right.format : left.format)
}

/** What is left of `a` without `b`, which may be less than nothing; written as `addQuantities` does. Throws RangeError. */
export function subtractQuantities(a: Quantity, b: Quantity): string {
  const [left, right] = [parse(a), parse(b)]
  return write(left.nanos - right.nanos, left.nanos === 0n ? right.format : left.format)
}

/**
 * The canonical text, which the server stores: no fraction, the largest suffix that loses nothing (`0.5` → `500m`,
 * `1024Mi` → `1Gi`). `format` overrules how the quantity was written. Throws RangeError.
 */
export function formatQuantity(quantity: Quantity, format?: QuantityFormat): string {
  const parsed = parse(quantity)
  return write(parsed.nanos, format ?? parsed.format)
}

function parse(quantity: Quantity): Parsed {
  const parsed = tryParse(String(quantity))
  if (!parsed) throw new RangeError(QUANTITY_FORMAT_ERROR)
  return parsed
}

function tryParse(text: string): Parsed | undefined {
  if (text.length > DIGITS_MAX) return undefined
  const match = FORM.exec(text)
  if (!match) return undefined
  const [, sign = '', whole = '', fraction = '', suffix = ''] = match
  if (!whole && !fraction) return undefined
  const scale = scaleOf(suffix)
  if (!scale) return undefined
  const digits = BigInt(whole + fraction)
  const powerOfTen = 9 + scale.decimal - fraction.length
  const scaled = digits * 2n ** BigInt(scale.binary)
  const magnitude = powerOfTen >= 0 ? scaled * 10n ** BigInt(powerOfTen) : divideUp(scaled, 10n ** BigInt(-powerOfTen))
  const bounded = magnitude > NANOS_MAX ? NANOS_MAX : magnitude
  return { nanos: sign === '-' ? -bounded : bounded, format: scale.format }
}

function scaleOf(suffix: string): { decimal: number; binary: number; format: QuantityFormat } | undefined {
  const decimal = Object.hasOwn(DECIMAL_SUFFIXES, suffix) ? DECIMAL_SUFFIXES[suffix] : undefined
  if (decimal !== undefined) return { decimal, binary: 0, format: 'DecimalSI' }
  const binary = BINARY_SUFFIXES.indexOf(suffix as (typeof BINARY_SUFFIXES)[number])
  if (binary > 0) return { decimal: 0, binary: binary * 10, format: 'BinarySI' }
  const exponent = EXPONENT.exec(suffix)
  if (!exponent) return undefined
  const bounded = Math.max(-EXPONENT_MAX - DIGITS_MAX, Math.min(EXPONENT_MAX, Number(exponent[1])))
  return { decimal: bounded, binary: 0, format: 'DecimalExponent' }
}

function write(nanos: bigint, format: QuantityFormat): string {
  if (nanos === 0n) return '0'
  if (format === 'BinarySI') {
    // Small or fractional amounts are written in decimal, so that no precision is lost.
    const small = nanos > -1024n * NANO && nanos < 1024n * NANO
    if (small || nanos % NANO !== 0n) return write(nanos, 'DecimalSI')
    const { mantissa, steps } = shed(nanos / NANO, 1024n, BINARY_SUFFIXES.length - 1)
    return `${mantissa}${BINARY_SUFFIXES[steps]}`
  }
  const { mantissa, steps } = shed(nanos, 1000n, 9)
  const exponent = steps * 3 - 9
  if (format === 'DecimalExponent') return exponent === 0 ? `${mantissa}` : `${mantissa}e${exponent}`
  const suffix = Object.keys(DECIMAL_SUFFIXES).find(s => DECIMAL_SUFFIXES[s] === exponent)
  return `${mantissa}${suffix ?? ''}`
}

/** Divides by `base` while that leaves no rest, at most `stepsMax` times. */
function shed(value: bigint, base: bigint, stepsMax: number): { mantissa: bigint; steps: number } {
  let mantissa = value
  let steps = 0
  while (steps < stepsMax && mantissa % base === 0n) {
    mantissa /= base
    steps++
  }
  return { mantissa, steps }
}

/** Rounds away from zero, as Kubernetes does so that a request is never granted less than it asked for. */
function divideUp(value: bigint, by: bigint): bigint {
  const quotient = value / by
  const rest = value % by
  if (rest === 0n) return quotient
  return value < 0n ? quotient - 1n : quotient + 1n
}
