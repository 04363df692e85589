/** Rules for IP addresses and ranges in objects, in Kubernetes' words. */
import { isIPv4, isIPv6 } from 'node:net'
import { invalidValue } from './field-errors.ts'
import type { FieldError } from './status.ts'

export type AddressFamily = 'IPv4' | 'IPv6'

/** Undefined for what is no address; one with a zone (`fe80::1%eth0`) means nothing elsewhere and is none. */
export function familyOf(address: string): AddressFamily | undefined {
  if (isIPv4(address)) return 'IPv4'
  return isIPv6(address) && !address.includes('%') ? 'IPv6' : undefined
}

export function validateAddress(field: string, address: string, family?: AddressFamily): FieldError[] {
  if (family === undefined) {
    if (familyOf(address)) return []
    return [invalidValue(field, address, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')]
  }
  return familyOf(address) === family ? [] : [invalidValue(field, address, `must be a valid ${family} address`)]
}

export function validateRange(field: string, range: string): FieldError[] {
  const match = /^(.+)\/([0-9]{1,3})$/.exec(range)
  const family = match && familyOf(match[1] ?? '')
  if (family && Number(match[2]) <= (family === 'IPv4' ? 32 : 128)) return []
  return [invalidValue(field, range, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)')]
}

/** As `validateAddress`, and written as everybody writes it: an address that is an object's name must have one form only. */
export function validateCanonicalAddress(field: string, address: string): FieldError[] {
  const errors = validateAddress(field, address)
  if (errors.length > 0) return errors
  const canonical = canonicalAddress(address)
  if (canonical.startsWith('::ffff:')) return [invalidValue(field, address, 'must not be an IPv4-mapped IPv6 address')]
  return address === canonical ? [] : [invalidValue(field, address, `must be in canonical form (${JSON.stringify(canonical)})`)]
}

/** As `validateRange`, and in its one form: nothing set behind the prefix. */
export function validateCanonicalRange(field: string, range: string): FieldError[] {
  const errors = validateRange(field, range)
  if (errors.length > 0) return errors
  const [address = '', length = ''] = range.split('/')
  const { value, bits, size } = parsedRange(range)
  if (value % size !== 0n) return [invalidValue(field, range, 'must not have bits set beyond the prefix length')]
  const canonical = `${canonicalAddress(address)}/${Number(length)}`
  if (bits === 128n && canonical.startsWith('::ffff:')) return [invalidValue(field, range, 'must not have an IPv4-mapped IPv6 address')]
  return range === canonical ? [] : [invalidValue(field, range, `must be in canonical form (${JSON.stringify(canonical)})`)]
}

/** Whether `inner` is a part of `outer` and smaller. Both are right for `validateRange`. */
export function isStrictSubrange(outer: string, inner: string): boolean {
  const [large, small] = [parsedRange(outer), parsedRange(inner)]
  return large.bits === small.bits && small.size < large.size && large.value / large.size === small.value / large.size
}

/** Both are right for `validateRange`. */
export function isAddressInRange(range: string, address: string): boolean {
  const { value, bits, size } = parsedRange(range)
  const family = familyOf(address)
  return (family === 'IPv4' ? 32n : 128n) === bits && toNumber(address) / size === value / size
}

/** The address as a number, how many bits an address has, and how many addresses there are. `range` is right for `validateRange`. */
export function parsedRange(range: string): { value: bigint; bits: bigint; size: bigint } {
  const [address = '', length = ''] = range.split('/')
  const bits = isIPv4(address) ? 32n : 128n
  return { value: toNumber(address), bits, size: 1n << (bits - BigInt(length)) }
}

/** In the one form everybody writes. `address` has a family. */
export function canonicalAddress(address: string): string {
  // URLs have the canonical form of RFC 5952, in brackets.
  return isIPv4(address) ? address : new URL(`http://[${address}]`).hostname.slice(1, -1)
}

/** The address with a number, in its canonical form. */
export function writtenAddress(value: bigint, family: AddressFamily): string {
  const part = (bits: bigint, at: bigint) => (value >> (bits * at)) & ((1n << bits) - 1n)
  if (family === 'IPv4') return [3n, 2n, 1n, 0n].map(at => part(8n, at)).join('.')
  return canonicalAddress([7n, 6n, 5n, 4n, 3n, 2n, 1n, 0n].map(at => part(16n, at).toString(16)).join(':'))
}

function toNumber(address: string): bigint {
  if (isIPv4(address)) return address.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n)
  const [head = '', tail] = canonicalAddress(address).split('::')
  const before = head ? head.split(':') : []
  const after = tail ? tail.split(':') : []
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0')
  return [...before, ...zeros, ...after].reduce((sum, part) => (sum << 16n) + BigInt(`0x${part}`), 0n)
}

/** Whether requests may be passed on to the address: not to the machine that asks, nor to what only its own link knows, such as metadata servers. */
export function isProxyableAddress(address: string): boolean {
  if (familyOf(address) === undefined) return false
  const canonical = canonicalAddress(address)
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical)
  if (mapped) {
    const [high, low] = [Number.parseInt(mapped[1] ?? '', 16), Number.parseInt(mapped[2] ?? '', 16)]
    return isProxyableAddress([high >> 8, high & 255, low >> 8, low & 255].join('.'))
  }
  const isMulticast = isIPv4(canonical) ? /^(22[4-9]|23\d)\./.test(canonical) : canonical.startsWith('ff')
  return special(canonical) === undefined && !isMulticast && canonical !== '255.255.255.255'
}

/** An endpoint must be somewhere else than on the machine that asks: no unspecified, loopback or link-local address. */
export function validateNonSpecialAddress(field: string, address: string): FieldError[] {
  const why = special(address.toLowerCase())
  return why ? [invalidValue(field, address, why)] : []
}

function special(address: string): string | undefined {
  if (address === '0.0.0.0' || address === '::') return `may not be unspecified (${address})`
  if (/^127\./.test(address) || address === '::1') return 'may not be in the loopback range (127.0.0.0/8, ::1/128)'
  if (/^169\.254\./.test(address) || /^fe[89ab][0-9a-f]:/.test(address))
    return 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'
  const linkLocalMulticast = /^224\.0\.0\./.test(address) || /^ff02:/.test(address)
  return linkLocalMulticast ? 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)' : undefined
}
