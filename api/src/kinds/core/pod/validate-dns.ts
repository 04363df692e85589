/** Rules of DNS settings, host names and host aliases, in Kubernetes' words. */
import { validateAddress } from '../../../addresses.ts'
import { invalidIf, invalidValue, requiredValue } from '../../../field-errors.ts'
import { isDnsLabel, isDnsSubdomain } from '../../../names.ts'
import type { FieldError } from '../../../status.ts'
import type { PodSpec } from './types.ts'

const NAMESERVERS_MAX = 3
const SEARCHES_MAX = 32
const SEARCHES_LENGTH_MAX = 2048

export function validateNames(spec: PodSpec, path: string): FieldError[] {
  return [
    ...validateDns(spec, `${path}.dnsConfig`),
    ...(['hostname', 'subdomain'] as const).flatMap(name => {
      const value = spec[name]
      return value ? invalidIf(`${path}.${name}`, value, isDnsLabel(value)) : []
    }),
    ...(spec.hostAliases ?? []).flatMap(({ ip, hostnames = [] }, i) => [
      ...validateAddress(`${path}.hostAliases[${i}].ip`, ip ?? ''),
      ...hostnames.flatMap((name, j) => invalidIf(`${path}.hostAliases[${i}].hostnames[${j}]`, name, isDnsSubdomain(name))),
    ]),
  ]
}

function validateDns({ dnsPolicy, dnsConfig }: PodSpec, path: string): FieldError[] {
  const { nameservers = [], searches = [], options = [] } = dnsConfig ?? {}
  if (dnsPolicy === 'None') {
    if (!dnsConfig) return [requiredValue(path, 'must provide `dnsConfig` when `dnsPolicy` is None')]
    if (nameservers.length === 0) {
      return [requiredValue(`${path}.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None')]
    }
  }
  const errors: FieldError[] = []
  if (nameservers.length > NAMESERVERS_MAX) {
    errors.push(invalidValue(`${path}.nameservers`, nameservers, `must not have more than ${NAMESERVERS_MAX} nameservers`))
  }
  for (const [i, address] of nameservers.entries()) errors.push(...validateAddress(`${path}.nameservers[${i}]`, address))
  if (searches.length > SEARCHES_MAX) {
    errors.push(invalidValue(`${path}.searches`, searches, `must not have more than ${SEARCHES_MAX} search paths`))
  }
  if (searches.join(' ').length > SEARCHES_LENGTH_MAX) {
    const why = `must not have more than ${SEARCHES_LENGTH_MAX} characters (including spaces) in the search list`
    errors.push(invalidValue(`${path}.searches`, searches, why))
  }
  for (const [i, search] of searches.entries()) {
    // A lone dot, a last dot and underscores are used in practice, though no host may be called so.
    const name = search.replace(/\.$/, '').replaceAll('_', '-')
    if (search !== '.') errors.push(...invalidIf(`${path}.searches[${i}]`, search, isDnsSubdomain(name.replace(/^-/, 'x'))))
  }
  for (const [i, { name }] of options.entries()) if (!name) errors.push(requiredValue(`${path}.options[${i}]`, 'must not be empty'))
  return errors
}
