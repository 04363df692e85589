/** Rules for IP addresses and ranges in objects, in Kubernetes' words. */
import { isIP, isIPv4, isIPv6 } from 'node:net'
import { invalidValue } from './field-errors.ts'
import type { FieldError } from './status.ts'

export type AddressFamily = 'IPv4' | 'IPv6'

export function familyOf(address: string): AddressFamily | undefined {
  if (isIPv4(address)) return 'IPv4'
  return isIPv6(address) ? 'IPv6' : undefined
}

export function validateAddress(field: string, address: string, family?: AddressFamily): FieldError[] {
  if (family === undefined) {
    if (isIP(address)) return []
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
