/** An IPv4 range such as `10.96.0.0/12`, as numbers. */
export interface AddressRange {
  readonly first: number
  readonly size: number
  readonly prefixLength: number
}

/** Throws on what is no IPv4 range. */
export function parseRange(text: string): AddressRange {
  const [address = '', length = ''] = text.split('/')
  const first = parseAddress(address)
  const prefixLength = Number(length)
  if (first === undefined || !/^\d+$/.test(length) || prefixLength > 32) throw new Error(`Cannot read "${text}" as an IPv4 range`)
  const size = 2 ** (32 - prefixLength)
  return { first: first - (first % size), size, prefixLength }
}

/** Undefined for what is no IPv4 address in its usual form. */
export function parseAddress(text: string): number | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  let address = 0
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined
    address = address * 256 + Number(part)
  }
  return address
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map(shift => Math.floor(address / 2 ** shift) % 256).join('.')
}

export function isInRange(range: AddressRange, address: string): boolean {
  const number = parseAddress(address)
  return number !== undefined && number >= range.first && number < range.first + range.size
}
