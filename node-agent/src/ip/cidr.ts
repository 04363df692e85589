/** IPv4 addresses as numbers, so that ranges can be counted and compared. */
import { isIPv4 } from 'node:net'

export interface Cidr {
  /** First address. */
  readonly base: number
  readonly prefix: number
  readonly size: number
}

/** Throws when `text` is no IPv4 address. */
export function parseAddress(text: string): number {
  if (!isIPv4(text)) throw new Error(`Cannot read address "${text}": wanted IPv4 such as 10.244.1.5`)
  return text.split('.').reduce((number, part) => number * 256 + Number(part), 0)
}

export function formatAddress(number: number): string {
  return [24, 16, 8, 0].map(shift => Math.floor(number / 2 ** shift) % 256).join('.')
}

/** Throws when `text` is no IPv4 range; host bits are cut off. */
export function parseCidr(text: string): Cidr {
  const [address = '', prefixText = ''] = text.split('/')
  const prefix = Number(prefixText)
  if (!/^\d+$/.test(prefixText) || prefix > 32) throw new Error(`Cannot read range "${text}": wanted CIDR such as 10.244.1.0/24`)
  const size = 2 ** (32 - prefix)
  return { base: Math.floor(parseAddress(address) / size) * size, prefix, size }
}

export function contains(cidr: Cidr, address: number): boolean {
  return address >= cidr.base && address < cidr.base + cidr.size
}

export function overlap(a: Cidr, b: Cidr): boolean {
  return a.base < b.base + b.size && b.base < a.base + a.size
}
