import type { Environment } from '@marcbachmann/cel-js'
import { canonicalAddress, familyOf, isAddressInRange, parsedRange, validateRange, writtenAddress } from '../../addresses.ts'
import type { Comparable } from '../values.ts'

class Ip implements Comparable {
  readonly text: string

  constructor(text: string) {
    if (!isIp(text)) throw new Error(`IP Address ${JSON.stringify(text)} parse error during conversion from string`)
    this.text = canonicalAddress(text)
  }

  isSame(other: unknown): boolean {
    return other instanceof Ip && other.text === this.text
  }

  isIn(...ranges: string[]): boolean {
    return ranges.some(range => isAddressInRange(range, this.text))
  }
}

class Cidr implements Comparable {
  readonly address: string
  readonly length: number

  constructor(text: string) {
    if (!isCidr(text)) throw new Error(`network address parse error during conversion from string: ${JSON.stringify(text)}`)
    const [address = '', length = ''] = text.split('/')
    this.address = canonicalAddress(address)
    this.length = Number(length)
  }

  get text(): string {
    return `${this.address}/${this.length}`
  }

  isSame(other: unknown): boolean {
    return other instanceof Cidr && other.text === this.text
  }

  hasIp(ip: Ip): boolean {
    return isAddressInRange(this.text, ip.text)
  }

  hasCidr(other: Cidr): boolean {
    return other.length >= this.length && isAddressInRange(this.text, other.address)
  }

  masked(): Cidr {
    const { value, bits, size } = parsedRange(this.text)
    return new Cidr(`${writtenAddress(value - (value % size), bits === 32n ? 'IPv4' : 'IPv6')}/${this.length}`)
  }
}

/** What `ip.isCanonical` belongs to. */
class IpFunctions {}

/** Addresses that say they are IPv4 in IPv6 are none. */
function isIp(text: string): boolean {
  return familyOf(text) !== undefined && !(text.includes(':') && canonicalAddress(text).startsWith('::ffff:'))
}

function isCidr(text: string): boolean {
  return validateRange('', text).length === 0 && isIp(text.split('/')[0] ?? '')
}

const UNSPECIFIED = ['0.0.0.0/32', '::/128']
const LOOPBACK = ['127.0.0.0/8', '::1/128']
const LINK_LOCAL_MULTICAST = ['224.0.0.0/24', 'ff02::/16']
const LINK_LOCAL_UNICAST = ['169.254.0.0/16', 'fe80::/10']
const MULTICAST = ['224.0.0.0/4', 'ff00::/8', '255.255.255.255/32']

/** Addresses and ranges. */
export function withNetwork(environment: Environment): Environment {
  const ip = 'net.IP'
  const cidr = 'net.CIDR'
  return environment
    .registerType(ip, { ctor: Ip, fields: {} })
    .registerType(cidr, { ctor: Cidr, fields: {} })
    .registerType('net.Functions', { ctor: IpFunctions, fields: {} })
    .registerConstant('ip', 'net.Functions', new IpFunctions())
    .registerOperator(`${ip} == ${ip}`, (a: Ip, b: Ip) => a.isSame(b))
    .registerOperator(`${cidr} == ${cidr}`, (a: Cidr, b: Cidr) => a.isSame(b))
    .registerFunction(`ip(string): ${ip}`, (text: string) => new Ip(text))
    .registerFunction('isIP(string): bool', isIp)
    .registerFunction('net.Functions.isCanonical(string): bool', (_: IpFunctions, text: string) => new Ip(text).text === text)
    .registerFunction(`string(${ip}): string`, ({ text }: Ip) => text)
    .registerFunction(`${ip}.family(): int`, ({ text }: Ip) => (familyOf(text) === 'IPv4' ? 4n : 6n))
    .registerFunction(`${ip}.isUnspecified(): bool`, (a: Ip) => a.isIn(...UNSPECIFIED))
    .registerFunction(`${ip}.isLoopback(): bool`, (a: Ip) => a.isIn(...LOOPBACK))
    .registerFunction(`${ip}.isLinkLocalMulticast(): bool`, (a: Ip) => a.isIn(...LINK_LOCAL_MULTICAST))
    .registerFunction(`${ip}.isLinkLocalUnicast(): bool`, (a: Ip) => a.isIn(...LINK_LOCAL_UNICAST))
    .registerFunction(`${ip}.isGlobalUnicast(): bool`, (a: Ip) => !a.isIn(...UNSPECIFIED, ...LOOPBACK, ...MULTICAST, ...LINK_LOCAL_UNICAST))
    .registerFunction(`cidr(string): ${cidr}`, (text: string) => new Cidr(text))
    .registerFunction('isCIDR(string): bool', isCidr)
    .registerFunction(`string(${cidr}): string`, ({ text }: Cidr) => text)
    .registerFunction(`${cidr}.containsIP(${ip}): bool`, (a: Cidr, b: Ip) => a.hasIp(b))
    .registerFunction(`${cidr}.containsIP(string): bool`, (a: Cidr, b: string) => a.hasIp(new Ip(b)))
    .registerFunction(`${cidr}.containsCIDR(${cidr}): bool`, (a: Cidr, b: Cidr) => a.hasCidr(b))
    .registerFunction(`${cidr}.containsCIDR(string): bool`, (a: Cidr, b: string) => a.hasCidr(new Cidr(b)))
    .registerFunction(`${cidr}.ip(): ${ip}`, (a: Cidr) => new Ip(a.address))
    .registerFunction(`${cidr}.masked(): ${cidr}`, (a: Cidr) => a.masked())
    .registerFunction(`${cidr}.prefixLength(): int`, (a: Cidr) => BigInt(a.length))
}
